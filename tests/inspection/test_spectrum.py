import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies.inspection.looking import GRID_DECADES
from nobodies.inspection.spectrum import LEAST_PX, measure_grid
from tests.provenance.watermark.pictures import photograph


def as_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.fixture(scope="module")
def plain() -> NDArray[np.uint8]:
    return np.asarray(photograph(512))


def with_pattern(pixels: NDArray[np.uint8], period_px: int, height: float) -> NDArray[np.uint8]:
    """Lay a random tile over a whole picture, again and again."""
    tile = np.random.default_rng(5).standard_normal((period_px, period_px, 1))
    size = len(pixels) // period_px
    return np.clip(pixels + height * np.tile(tile, (size, size, 1)) + 0.5, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("period_px", [16, 32])
def test_a_faint_pattern_is_found(plain: NDArray[np.uint8], period_px: int) -> None:
    grid = measure_grid(with_pattern(plain, period_px, 2.0))
    assert grid is not None
    assert grid.odd > 2 * GRID_DECADES


def test_a_period_of_4_px_is_measured(plain: NDArray[np.uint8]) -> None:
    grid = measure_grid(with_pattern(plain, 4, 2.0))
    assert grid is not None
    assert grid.quarter > 1


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_the_blocks_of_jpeg_are_not_taken_for_one(plain: NDArray[np.uint8], quality: int) -> None:
    grid = measure_grid(as_jpeg(plain, quality))
    assert grid is not None
    assert grid.odd < GRID_DECADES


def test_nothing_is_found_in_noise_and_in_one_colour() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 500, 3), np.uint8)
    for pixels in (noise, np.full((500, 600, 3), 90, np.uint8)):
        grid = measure_grid(pixels)
        assert grid is not None
        assert abs(grid.odd) < GRID_DECADES / 2
        assert abs(grid.quarter) < 0.5


def test_a_small_picture_is_not_judged() -> None:
    assert measure_grid(np.zeros((LEAST_PX - 1, 2000, 3), np.uint8)) is None


def test_a_huge_picture_costs_no_more_than_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    transforms = []
    original = np.fft.fft2

    def counted(tile: NDArray[np.float32]) -> NDArray[np.complex128]:
        transforms.append(tile.shape)
        return original(tile)

    monkeypatch.setattr(np.fft, "fft2", counted)
    measure_grid(np.zeros((4000, 5000, 3), np.uint8))
    assert len(transforms) <= 64
