import numpy as np
import pytest
from PIL import Image, ImageFilter

from nobodies.vision.quality import measure_quality
from nobodies.vision.results import Landmarks, Quality
from tests.vision.conftest import LAUGHING, SEEDS, face, mesh_of


def quality_of(pixels: np.ndarray, seed: int = LAUGHING) -> Quality:
    return measure_quality(pixels, mesh_of(seed), num_faces=1)


@pytest.mark.parametrize("seed", SEEDS)
def test_sound_portraits_get_good_marks(seed: int) -> None:
    marks = quality_of(face(seed), seed)
    assert marks.whole == 1
    assert marks.plausible > 0.6
    assert marks.sharpness > 0.6
    assert marks.exposure > 0.8


def test_blur_lowers_sharpness_step_by_step() -> None:
    blurred = [
        Image.fromarray(face(LAUGHING)).filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 0.7, 1.5, 3)
    ]
    marks = [quality_of(np.asarray(each)).sharpness for each in blurred]
    assert marks == sorted(marks, reverse=True)
    assert marks[0] - marks[-1] > 0.5


def test_darkness_and_glare_lower_exposure() -> None:
    sound = quality_of(face(LAUGHING)).exposure
    dark = quality_of((face(LAUGHING) * 0.06).astype(np.uint8)).exposure
    glare = quality_of(np.clip(face(LAUGHING).astype(int) * 3, 0, 255).astype(np.uint8)).exposure
    assert max(dark, glare) < sound - 0.3


def test_a_face_over_the_edge_is_not_whole() -> None:
    assert quality_of(np.ascontiguousarray(face(LAUGHING)[:, :128])).whole < 0.7


def test_a_mesh_without_a_face_is_not_plausible() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    mesh = Landmarks(points=mesh_of(LAUGHING).points, presence=1.0)
    assert measure_quality(noise, mesh, num_faces=0).plausible < 0.3
