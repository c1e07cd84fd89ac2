"""Finding the invented person who looks most like a photograph."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import InputError, ModelError, SettingError
from nobodies.generator import Generator
from nobodies.latents.inversion import refine
from nobodies.latents.looks import LookModel

Pixels = NDArray[np.uint8]
Float = NDArray[np.float64]

LONGEST_S: Final = 3600.0
_LOOKED_AT_PX: Final = 512
_RIVAL_SHARE: Final = 0.5
"""Faces narrower than so much of the widest belong to the background."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A face that was found."""

    w: NDArray[np.float32]
    """Its style code, [W]."""
    distance: float
    """How far it is from the photograph to the net that tells people apart; see `nobodies.vision.same_person`."""
    number: int
    """Faces drawn so far."""


def align_photograph(pixels: Pixels) -> Pixels:
    """Cut the face out of a photograph as the generator would show it.

    Args:
        pixels: RGB, [H, W, 3].

    Returns:
        [512, 512, 3].

    Raises:
        InputError: it shows no face, or several of like size.
    """
    from nobodies.vision.align import align
    from nobodies.vision.detect import Detector
    from nobodies.vision.landmarks import find_landmarks

    faces = Detector.load().detect(pixels)
    if not faces:
        raise InputError("there is no face in the picture: give one that shows a face clearly")
    large = [face for face in faces if face.width > _RIVAL_SHARE * faces[0].width]
    if len(large) > 1:
        raise InputError(f"there are {len(large)} faces in the picture: cut it so that it shows one")
    return align(pixels, find_landmarks(pixels, faces[0]), size_px=_LOOKED_AT_PX)


def project(
    generator: Generator,
    aligned: Pixels,
    *,
    limit_s: float = 60.0,
    most_faces: int = 10_000,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Likeness]:
    """Look for the style code whose face looks most like a photograph.

    The first answer comes from the look of the photograph alone. Then faces are drawn, measured and corrected.

    Args:
        generator: whose faces are looked through.
        aligned: the photograph, cut by `align_photograph`.
        limit_s: time to spend; 0 gives the first answer only.
        most_faces: faces to draw, at most.
        clock: gives the time in seconds.

    Yields:
        Each face that is more like it than all before.

    Raises:
        SettingError: a limit out of its range.
        ModelError: looks were not fitted for this model.
        InputError: no face is seen in the photograph.
    """
    if not 0 <= limit_s <= LONGEST_S or most_faces < 1:
        raise SettingError(
            f"the search may take {limit_s:g} s and {most_faces} faces: 0 to {LONGEST_S:g} s, 1 or more"
        )
    looks = LookModel.load(generator.model.name)
    if looks.weights != generator.model.origin:
        raise ModelError(f"looks were fitted for other weights of {generator.model.name}: update nobodies")
    wanted = look_of(looks, aligned)
    if wanted is None:
        raise InputError("no face is seen in the aligned picture: give one that shows a face clearly")
    end = clock() + limit_s

    def measure(w: Float) -> Float | None:
        codes = generator.conform(w.astype(np.float32))
        return look_of(looks, generator.engine.synthesize(codes)[0])

    for guess in refine(looks, wanted, measure, most_looks=most_faces, may_go_on=lambda: clock() < end):
        distance = float(np.linalg.norm(guess.look[:128] - wanted[:128]))
        yield Likeness(guess.w.astype(np.float32), distance, guess.number)


def look_of(looks: LookModel, pixels: Pixels) -> Float | None:
    """Measure the look of an aligned face, [D]; None if there is no face."""
    from nobodies.vision import fetched
    from nobodies.vision.detect import Detector
    from nobodies.vision.identity import embed
    from nobodies.vision.landmarks import find_landmarks
    from nobodies.vision.pictures import resize

    small = resize(pixels, _LOOKED_AT_PX, _LOOKED_AT_PX)
    faces = Detector.load().detect(small, min_size_px=_LOOKED_AT_PX / 8)
    if not faces:
        return None
    mesh, net = find_landmarks(small, faces[0]), fetched.feature_net()
    features = net(resize(small, net.size_px, net.size_px))["features"][0]
    return looks.look(embed(small, mesh), mesh.points[:, :2].ravel() / _LOOKED_AT_PX, features)
