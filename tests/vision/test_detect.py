from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nobodies.errors import SettingError, ShapeError
from nobodies.vision.detect import MAX_LOOKS, SMALLEST_SHARE, Detector, windows
from tests.vision.conftest import CHILD, LAUGHING, SEEDS, detection_of, face

Pixels = npt.NDArray[np.uint8]


def pasted(places: list[tuple[int, int, int, int]], size: tuple[int, int]) -> Pixels:
    """A grey picture of (width, height) with faces at (seed, x, y, side)."""
    canvas = Image.new("RGB", size, (110, 120, 130))
    for seed, x, y, side in places:
        canvas.paste(Image.fromarray(face(seed)).resize((side, side), Image.Resampling.LANCZOS), (x, y))
    return np.asarray(canvas)


@pytest.mark.parametrize("seed", SEEDS)
def test_finds_the_face_of_a_portrait(seed: int) -> None:
    found = detection_of(seed)
    x0, y0, x1, y1 = found.box
    assert x0 < 128 < x1
    assert y0 < 140 < y1
    assert 80 < found.width < 200
    right_eye, left_eye, nose, mouth, *_ = found.keypoints
    # FFHQ puts the eyes at about 0.38 and 0.62 of the width, 0.47 of the height.
    assert right_eye == pytest.approx((97, 120), abs=30)
    assert left_eye == pytest.approx((159, 120), abs=30)
    assert right_eye[1] < nose[1] < mouth[1]


@pytest.mark.parametrize("roll", range(0, 360, 30))
def test_finds_faces_at_any_roll(roll: int) -> None:
    scene = pasted([(LAUGHING, 192, 112, 256)], (640, 480))
    turned = np.asarray(Image.fromarray(scene).rotate(roll, Image.Resampling.BICUBIC, fillcolor=(110, 120, 130)))
    [found] = Detector.load().detect(turned)
    upright = np.array(found.keypoints[1]) - found.keypoints[0]
    angle = np.degrees(np.arctan2(-upright[1], upright[0]))
    assert abs((angle - roll + 180) % 360 - 180) < 25


def test_finds_many_faces() -> None:
    places = [(seed, 20 + 120 * i, 60 + 40 * (i % 2), 110) for i, seed in enumerate(SEEDS)]
    found = Detector.load().detect(pasted(places, (640, 300)), min_score=0.8)
    assert len(found) == len(SEEDS)
    middles = sorted((face.box[0] + face.box[2]) / 2 for face in found)
    assert middles == pytest.approx([20 + 120 * i + 55 for i in range(len(SEEDS))], abs=15)


def test_finds_small_faces_in_large_pictures_once_each() -> None:
    places = [(CHILD, 2500, 1500, 110), (LAUGHING, 300, 200, 130), (LAUGHING, 1500, 900, 900)]
    found = Detector.load().detect(pasted(places, (3000, 2000)), min_size_px=40)
    assert len(found) == 3
    assert [round(each.width) for each in found] == sorted((round(each.width) for each in found), reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_of_a_large_face_are_not_taken_for_faces(seed: int) -> None:
    large = np.asarray(Image.fromarray(face(seed)).resize((2048, 2048), Image.Resampling.BICUBIC))
    [found] = Detector.load().detect(large, min_score=0.6)
    assert np.array(found.box) / 8 == pytest.approx(detection_of(seed).box, abs=12)


def test_one_look_leaves_small_faces_out() -> None:
    scene = pasted([(CHILD, 2500, 1500, 70)], (3000, 2000))
    assert Detector.load().detect(scene, min_size_px=1000) == []


def test_coordinates_follow_the_picture() -> None:
    [alone] = Detector.load().detect(pasted([(LAUGHING, 0, 0, 256)], (400, 400)))
    [moved] = Detector.load().detect(pasted([(LAUGHING, 60, 100, 256)], (400, 400)))
    assert np.array(moved.box) - alone.box == pytest.approx([60, 100, 60, 100], abs=6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 5), (300, 7)])
def test_odd_shapes_hold_no_faces(shape: tuple[int, int]) -> None:
    assert Detector.load().detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_plain_pictures_and_noise_hold_no_faces() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    for picture in (np.zeros_like(noise), np.full_like(noise, 255), noise):
        assert Detector.load().detect(picture) == []


def test_pictures_are_left_as_they_are() -> None:
    assert not face(LAUGHING).flags.writeable
    Detector.load().detect(face(LAUGHING))
    strided = np.repeat(face(LAUGHING), 2, axis=1)[:, ::2]
    assert len(Detector.load().detect(strided)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((0, 8, 3), np.uint8),
        "x",
    ],
)
def test_what_is_no_picture_is_refused(wrong: Any) -> None:
    with pytest.raises(ShapeError):
        Detector.load().detect(wrong)


@pytest.mark.parametrize("score", [0, 1, -1, float("nan")])
def test_scores_out_of_range_are_refused(score: float) -> None:
    with pytest.raises(SettingError, match="min_score"):
        Detector.load().detect(face(LAUGHING), min_score=score)


@pytest.mark.parametrize("size", [0, -3, float("nan")])
def test_sizes_out_of_range_are_refused(size: float) -> None:
    with pytest.raises(SettingError, match="min_size_px"):
        Detector.load().detect(face(LAUGHING), min_size_px=size)


sides = st.integers(1, 30_000)


@given(width=sides, height=sides, smallest=st.one_of(st.none(), st.floats(0.01, 40_000)))
def test_looks_are_bounded(width: int, height: int, smallest: float | None) -> None:
    looks = windows(width, height, min_size_px=smallest)
    assert 1 <= len(looks) <= MAX_LOOKS
    assert looks[0].side == max(width, height)


@given(width=sides, height=sides)
def test_looks_are_few_by_default(width: int, height: int) -> None:
    # Long strips need more windows than the ten of a picture that is at most twice as wide as high.
    limit = 10 if max(width, height) <= 2 * min(width, height) else 16
    assert len(windows(width, height)) <= limit


@given(data=st.data(), width=st.integers(200, 3000), height=st.integers(200, 3000))
def test_every_face_lies_whole_in_a_window_that_shows_it_large_enough(
    data: st.DataObject, width: int, height: int
) -> None:
    smallest = data.draw(st.floats(max(width, height) / 80, min(width, height)))
    size = data.draw(st.floats(smallest, min(width, height)))
    x, y = data.draw(st.floats(0, width - size)), data.draw(st.floats(0, height - size))
    slack = 1e-6 * max(width, height)
    assert any(
        window.x - slack <= x
        and window.y - slack <= y
        and x + size <= window.x + window.side + slack
        and y + size <= window.y + window.side + slack
        and size >= window.side * SMALLEST_SHARE - slack
        for window in windows(width, height, min_size_px=smallest)
    )
