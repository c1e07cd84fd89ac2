import numpy as np
import pytest
from PIL import Image

from nobodies.errors import SettingError, ShapeError
from nobodies.vision.align import align, ffhq_crop
from nobodies.vision.detect import Detector
from nobodies.vision.landmarks import find_landmarks
from tests.vision.conftest import LAUGHING, SEEDS, face, mesh_of


@pytest.mark.parametrize("seed", SEEDS)
def test_a_generated_face_is_aligned_already(seed: int) -> None:
    crop = ffhq_crop(mesh_of(seed))
    assert crop.centre == pytest.approx((128, 128), abs=6)
    assert crop.side == pytest.approx(256, rel=0.06)
    assert abs(np.degrees(crop.angle)) < 3


def test_alignment_undoes_turning_scaling_and_shifting() -> None:
    canvas = Image.new("RGB", (900, 700), (90, 100, 110))
    canvas.paste(Image.fromarray(face(LAUGHING)).resize((400, 400), Image.Resampling.LANCZOS), (250, 150))
    turned = np.asarray(canvas.rotate(25, Image.Resampling.BICUBIC))
    mesh = find_landmarks(turned, Detector.load().detect(turned)[0])
    aligned = align(turned, mesh, size_px=256).astype(float)
    middle = (slice(60, 200), slice(60, 200))
    assert np.abs(aligned - face(LAUGHING).astype(float))[middle].mean() < 12


@pytest.mark.parametrize("size_px", [16, 100, 1024])
def test_sizes(size_px: int) -> None:
    aligned = align(face(LAUGHING), mesh_of(LAUGHING), size_px=size_px)
    assert aligned.shape == (size_px, size_px, 3)
    assert aligned.dtype == np.uint8


def test_what_lies_beyond_the_picture_is_smooth_and_the_face_untouched() -> None:
    close = np.ascontiguousarray(face(LAUGHING)[40:230, 40:216])
    mesh = find_landmarks(close, Detector.load().detect(close)[0])
    aligned = align(close, mesh, size_px=256).astype(float)
    corner = aligned[:24, :24]
    assert np.abs(np.diff(corner, axis=0)).mean() < 3
    middle = (slice(80, 180), slice(80, 180))
    assert np.abs(aligned[middle] - face(LAUGHING).astype(float)[middle]).mean() < 14


def test_a_face_that_fills_the_picture_is_bounded_by_the_result() -> None:
    sliver = np.ascontiguousarray(face(LAUGHING)[100:104])
    assert align(sliver, mesh_of(LAUGHING), size_px=64).shape == (64, 64, 3)


@pytest.mark.parametrize("size_px", [0, 15, 2049])
def test_sizes_out_of_range_are_refused(size_px: int) -> None:
    with pytest.raises(SettingError, match="size_px"):
        align(face(LAUGHING), mesh_of(LAUGHING), size_px=size_px)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ShapeError):
        align(np.zeros((4, 4), np.uint8), mesh_of(LAUGHING))
