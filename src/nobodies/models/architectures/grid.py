"""How a MobileStyleGAN picture is freed of its grid: a pattern of period 32 px at most that lies over all of it.

Each inverse Haar transform puts the local mean of its detail bands into the features as a pattern of period 2 at that
side, and the network cancels it in part only. What is left is taken out of the finished picture in two steps:

1. The part that is the same in every picture, a tile of 32 x 32 px, is subtracted. It is a tensor of the model,
   `synthesis.grid` [3, 32, 32]; a model without it is drawn as it came.
2. The part that depends on the picture is measured and subtracted, block by block of 128 x 128 px: the mean of the
   pixels at each of the 8 x 8 places of a cell, without what a picture may well have by itself (its mean, and the
   waves of period 8 px along one axis). It is measured in parts of 32 x 32 px, bounded in each, and averaged: so a
   strong edge, which the mean of a part takes for a pattern, does no harm to the rest of its block.

docs/log/grid.md has the figures and what else was tried.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

TENSOR: Final = "synthesis.grid"
TILE_PX: Final = 32
CELL_PX: Final = 8
LIMIT: Final = 1.5 / 127.5
"""The most that the second step changes, in the range of -1 to 1."""
_BLOCK_PX: Final = 128
_PART_PX: Final = 32
_LOWEST: Final = 1.2  # in cycles a cell


def block_px(resolution: int) -> int:
    """Give the side of the blocks from which one pattern is subtracted."""
    return min(_BLOCK_PX, resolution)


def part_px(resolution: int) -> int:
    """Give the side of the parts in which the pattern is measured."""
    return min(_PART_PX, resolution)


def projection() -> Float:
    """Give the matrix [64, 64] that leaves of a cell, row by row, what counts as a pattern; symmetric."""
    cycles = np.fft.fftfreq(CELL_PX) * CELL_PX
    kept = np.hypot(cycles[:, None], cycles[None]) >= _LOWEST
    cells = np.eye(CELL_PX * CELL_PX).reshape(-1, CELL_PX, CELL_PX)
    return np.fft.ifft2(np.fft.fft2(cells) * kept).real.reshape(len(cells), -1)


def without_grid(picture: Float, tile: NDArray[np.float32]) -> Float:
    """Take the grid out of a picture [3, R, R], about -1 to 1, in both steps: the slow twin of what engines do.

    Args:
        picture: R is a multiple of `block_px(R)`.
        tile: what every picture has, [3, 32, 32].
    """
    side = picture.shape[1]
    block, part = block_px(side), part_px(side)
    num_blocks, num_parts, num_cells = side // block, block // part, part // CELL_PX
    plain = picture - np.tile(tile.astype(np.float64), (1, side // TILE_PX, side // TILE_PX))
    axis = (num_blocks, num_parts, num_cells, CELL_PX)
    means = plain.reshape(3, *axis, *axis).mean(axis=(3, 7))  # [3, blocks, parts, 8, blocks, parts, 8]
    rows = means.transpose(0, 1, 2, 4, 5, 3, 6).reshape(*means.shape[:3], num_blocks, num_parts, -1)
    pattern = np.clip(rows @ projection(), -LIMIT, LIMIT).mean(axis=(2, 4))
    shaped = pattern.reshape(3, num_blocks, num_blocks, CELL_PX, CELL_PX).transpose(0, 1, 3, 2, 4)
    cells = plain.reshape(3, num_blocks, -1, CELL_PX, num_blocks, block // CELL_PX, CELL_PX)
    return np.asarray(cells - shaped[:, :, None, :, :, None, :]).reshape(picture.shape)
