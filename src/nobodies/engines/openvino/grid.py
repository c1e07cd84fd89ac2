"""Taking the grid out of a picture, as OpenVINO operations: see `nobodies.models.architectures.grid`.

It is done on the finished picture, colours innermost, where everything lies in whole runs of memory; of bytes, too:
doing it before they are rounded takes much longer, and nobody sees a third of a grey level. The means of each part
are made in two steps: over cells above each other by a reduction, and over cells side by side within the matrix
product that also projects them. Before it a rough mean is subtracted, so that in bf16 it works on small numbers.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as op

from nobodies.engines.openvino.ops import constant, integers
from nobodies.models.architectures.grid import CELL_PX, LIMIT, TILE_PX, block_px, part_px, projection

Array = NDArray[np.float32]

_RGB: Final = 3
_LINE: Final = CELL_PX * _RGB
_QUARTERS: Final = TILE_PX // CELL_PX


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid of one network."""

    tile: Array
    """What every picture has of it, [3, 32, 32], in the range of -1 to 1."""
    resolution: int

    @property
    def block_px(self) -> int:
        """Side of a block. What is worked on must be a whole number of them high."""
        return block_px(self.resolution)

    def out_of(self, picture: Any, *, factor: float) -> Any:
        """Take it out of whole rows of a picture, [1, H, W, 3].

        Args:
            picture: numbers; H is a whole number of blocks.
            factor: of levels over the range of -1 to 1.

        Returns:
            The same shape, not rounded.
        """
        shape = picture.get_output_shape(0)
        part = part_px(self.resolution)
        num_cells, num_parts = part // CELL_PX, self.block_px // part
        down, across = shape[1] // self.block_px, shape[2] // self.block_px
        cells = integers(down * num_parts, num_cells, CELL_PX, across * num_parts, num_cells, _LINE)
        means = op.reduce_mean(op.reshape(picture, cells, False), integers(1), False)
        parts = op.reshape(self._patterns(means, factor), integers(down, num_parts, across, num_parts, -1), False)
        pattern = op.reduce_mean(parts, integers(1, 3), False)  # [D, A, 192]
        quarters = self.block_px // TILE_PX
        tiles = integers(down, quarters, TILE_PX, across, quarters, TILE_PX * _RGB)
        freed = op.subtract(op.reshape(picture, tiles, False), self._correction(pattern, factor))
        return op.reshape(freed, integers(*shape), False)

    def _patterns(self, means: Any, factor: float) -> Any:
        """From means over rows of cells, [D, 8, A, C, 24], to each part's pattern, [D * A, 192], bounded."""
        down, _, across, num_cells, _ = means.get_output_shape(0)
        apart = op.reshape(means, integers(down, CELL_PX, across, num_cells, CELL_PX, _RGB), False)
        small = op.subtract(apart, op.reduce_mean(apart, integers(1, 3, 4), True))
        rows = op.reshape(
            op.transpose(small, integers(0, 2, 1, 3, 4, 5)),
            integers(down * across, CELL_PX * num_cells * _LINE),
            False,
        )
        found = op.matmul(rows, constant(_weights(num_cells)), False, False)
        own = op.subtract(found, constant(factor * self._of_tile()[None]))
        return op.clamp(own, -factor * LIMIT, factor * LIMIT)

    def _correction(self, pattern: Any, factor: float) -> Any:
        """What is to be subtracted from rows of tiles, [D, 1, 32, A, 1, 96]."""
        down, across = pattern.get_output_shape(0)[:2]
        rows = op.transpose(op.reshape(pattern, integers(down, across, CELL_PX, _LINE), False), integers(0, 2, 1, 3))
        shaped = op.reshape(rows, integers(down, 1, CELL_PX, across, 1, _LINE), False)
        tile = self.tile.transpose(1, 2, 0).reshape(1, _QUARTERS, CELL_PX, 1, _QUARTERS, _LINE)
        whole = integers(down, 1, TILE_PX, across, 1, TILE_PX * _RGB)
        return op.reshape(op.add(shaped, constant(factor * tile)), whole, False)

    def _of_tile(self) -> Array:
        """What the measure would take for a pattern in the tile itself, which is subtracted anyway: [192]."""
        means = self.tile.reshape(_RGB, _QUARTERS, CELL_PX, _QUARTERS, CELL_PX).mean(axis=(1, 3), dtype=np.float64)
        found: Array = (means.reshape(_RGB, -1) @ projection()).T.astype(np.float32).reshape(-1)
        return found

    def out_of_picture(self, picture: Any) -> Any:
        """Take it out of a whole picture [1, 3, R, R], about -1 to 1."""
        turned = op.transpose(picture, integers(0, 2, 3, 1))
        return op.transpose(self.out_of(turned, factor=1.0), integers(0, 3, 1, 2))


def _weights(num_cells: int) -> Array:
    """From a part's means over rows of cells, [8 rows, C cells, 8 columns, 3], to its pattern, [8, 8, 3]."""
    square = projection().reshape(CELL_PX, CELL_PX, CELL_PX, CELL_PX)
    spread = np.einsum("rcjk,ab,n->rncajkb", square, np.eye(_RGB), np.full(num_cells, 1 / num_cells))
    return np.ascontiguousarray(spread.reshape(CELL_PX * num_cells * _LINE, CELL_PX * _LINE), np.float32)
