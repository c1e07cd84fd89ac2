"""Taking a grid out of a picture: what it must remove, and what it must leave."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.models.architectures.grid import CELL_PX, LIMIT, TILE_PX, projection, without_grid

NOTHING = np.zeros((3, TILE_PX, TILE_PX), np.float32)


def smooth(size_px: int) -> NDArray[np.float64]:
    across = np.linspace(-0.02, 0.02, size_px)
    return np.stack([np.add.outer(across, across) / 2, np.outer(across, across), np.zeros((size_px, size_px))])


def pattern(seed: int, height: float) -> NDArray[np.float64]:
    """A cell of what counts as a pattern, for three colours."""
    cells = np.random.default_rng(seed).standard_normal((3, CELL_PX * CELL_PX)) @ projection()
    return np.asarray(height * (cells / np.abs(cells).max()).reshape(3, CELL_PX, CELL_PX))


@pytest.mark.parametrize("size_px", [32, 64, 128, 512])
def test_a_pattern_goes_and_the_picture_stays(size_px: int) -> None:
    times = size_px // CELL_PX
    faulty = smooth(size_px) + np.tile(pattern(1, 0.5 * LIMIT), (1, times, times))
    np.testing.assert_allclose(without_grid(faulty, NOTHING), without_grid(smooth(size_px), NOTHING), atol=1e-12)
    np.testing.assert_allclose(without_grid(smooth(size_px), NOTHING), smooth(size_px), atol=LIMIT)


def test_each_block_loses_its_own_pattern() -> None:
    faulty = np.zeros((3, 256, 256))
    for row in (0, 128):
        for column in (0, 128):
            faulty[:, row : row + 128, column : column + 128] = np.tile(pattern(row + column, LIMIT), (1, 16, 16))
    np.testing.assert_allclose(without_grid(faulty, NOTHING), 0, atol=1e-12)


def test_what_every_picture_has_is_subtracted_however_high() -> None:
    tile = np.random.default_rng(0).standard_normal((3, TILE_PX, TILE_PX)).astype(np.float32)
    faulty = smooth(128) + np.tile(tile.astype(np.float64), (1, 4, 4))
    np.testing.assert_allclose(without_grid(faulty, tile), without_grid(smooth(128), NOTHING), atol=1e-12)


def test_an_edge_hardly_touches_the_rest_of_its_block() -> None:
    edge = np.zeros((3, 128, 128))
    edge[:, :13] = 1.0
    change = np.abs(without_grid(edge, NOTHING) - edge)
    assert 0 < change.max() <= LIMIT / 4 + 1e-9


def test_the_projection_projects() -> None:
    square = projection()
    np.testing.assert_allclose(square @ square, square, atol=1e-12)
    np.testing.assert_allclose(square, square.T, atol=1e-12)
    wave = np.cos(2 * np.pi * np.arange(CELL_PX) / CELL_PX)
    for kept in (np.ones(64), np.tile(wave, CELL_PX), np.repeat(wave, CELL_PX)):
        np.testing.assert_allclose(square @ kept, 0, atol=1e-12)
