import numpy as np
import pytest

from nobodies.errors import SettingError, ShapeError
from nobodies.vision.segment import _linear_fit, _mean_around, cut_out, on_blur, on_colour, person_mask
from tests.vision.conftest import BEARDED, LAUGHING, SEEDS, face


@pytest.mark.parametrize("seed", SEEDS)
def test_the_face_is_kept(seed: int) -> None:
    mask = person_mask(face(seed))
    assert mask.shape == (256, 256)
    assert mask.dtype == np.float32
    assert 0 <= mask.min() <= mask.max() <= 1
    assert mask[110:170, 105:150].min() > 0.9


def test_the_background_goes() -> None:
    mask = person_mask(face(BEARDED))
    assert mask[:60, :20].max() < 0.1
    assert mask[:60, -20:].max() < 0.1


def test_edges_are_soft_and_narrow() -> None:
    mask = person_mask(face(BEARDED))
    between = ((mask > 0.1) & (mask < 0.9)).mean()
    assert 0.001 < between < 0.15


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (700, 500)])
def test_any_shape(shape: tuple[int, int]) -> None:
    assert person_mask(np.full((*shape, 3), 90, np.uint8)).shape == shape


def test_cut_out_adds_transparency_and_nothing_else() -> None:
    rgba = cut_out(face(LAUGHING))
    assert np.array_equal(rgba[..., :3], face(LAUGHING))
    assert rgba[128, 128, 3] > 240


def test_backgrounds_are_replaced() -> None:
    plain = on_colour(face(BEARDED), "#20c040")
    assert np.abs(plain[5:40, 2:12].astype(int) - (0x20, 0xC0, 0x40)).max() < 12
    assert np.abs(plain[120:160, 110:150].astype(int) - face(BEARDED)[120:160, 110:150]).mean() < 4
    blurred = on_blur(face(BEARDED)).astype(float)
    assert (
        np.abs(np.diff(blurred[:60, :14], axis=0)).mean()
        < np.abs(np.diff(face(BEARDED)[:60, :14].astype(float), axis=0)).mean()
    )


def test_means_equal_their_slow_twin() -> None:
    values, radius = np.random.default_rng(0).random((9, 12)), 2
    padded = np.pad(values, radius, mode="edge")
    slow = [[padded[y : y + 5, x : x + 5].mean() for x in range(12)] for y in range(9)]
    assert np.allclose(_mean_around(values, radius), slow)


def test_a_target_that_is_a_linear_function_of_the_guide_is_kept() -> None:
    guide = np.random.default_rng(0).random((40, 40))
    slope, offset = _linear_fit(guide, 0.5 * guide + 0.2, 4)
    assert np.abs(slope * guide + offset - (0.5 * guide + 0.2)).max() < 0.02


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(SettingError, match="no colour"):
        on_colour(face(LAUGHING), "skyish")
    with pytest.raises(SettingError, match="strength"):
        on_blur(face(LAUGHING), strength=9)
    with pytest.raises(ShapeError):
        cut_out(np.zeros((4, 4, 4), np.uint8))
