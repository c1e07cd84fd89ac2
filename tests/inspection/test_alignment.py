import numpy as np
import pytest
from PIL import Image

from nobodies.inspection.alignment import measure_alignment
from nobodies.vision.detect import Detector
from nobodies.vision.landmarks import find_landmarks
from tests.vision.conftest import BEARDED, SPECTACLED, face, mesh_of


@pytest.mark.parametrize("seed", [BEARDED, SPECTACLED])
def test_generated_faces_are_aligned(seed: int) -> None:
    alignment = measure_alignment(face(seed), mesh_of(seed))
    assert alignment is not None
    assert alignment.is_aligned, alignment


@pytest.mark.parametrize("box", [(0, 0, 230, 230), (20, 20, 236, 236)])
def test_a_crop_is_not(box: tuple[int, int, int, int]) -> None:
    pixels = np.asarray(Image.fromarray(face(BEARDED)).crop(box))
    [found] = Detector.load().detect(pixels)
    alignment = measure_alignment(pixels, find_landmarks(pixels, found))
    assert alignment is not None
    assert not alignment.is_aligned


def test_turned_by_five_degrees_it_is_not() -> None:
    pixels = np.asarray(Image.fromarray(face(BEARDED)).rotate(5, Image.Resampling.BICUBIC))
    [found] = Detector.load().detect(pixels)
    alignment = measure_alignment(pixels, find_landmarks(pixels, found))
    assert alignment is not None
    assert abs(abs(alignment.angle_deg) - 5) < 1
    assert not alignment.is_aligned


def test_a_picture_that_is_not_square_is_not_judged() -> None:
    assert measure_alignment(np.zeros((100, 120, 3), np.uint8), mesh_of(BEARDED)) is None
