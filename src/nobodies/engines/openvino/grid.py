"""Taking the grid out of a picture, as OpenVINO operations: see `nobodies.models.architectures.grid`.

The means of each part are made in two steps: over cells above each other by a reduction, which adds whole runs of
memory, and over cells side by side within the matrix product that also projects them. Before that product a rough
mean is subtracted, so that in bf16 it works on small numbers.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as op

from nobodies.engines.openvino.ops import constant, cut, integers
from nobodies.models.architectures.grid import CELL_PX, LIMIT, TILE_PX, block_px, part_px, projection

Array = NDArray[np.float32]

_RGB: Final = 3
_HALF: Final = CELL_PX // 2  # rows of a cell that are even lines, columns of a cell at half the resolution
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

    def out_of_lines(self, lines: list[Any], *, factor: float) -> list[Any]:
        """Take it out of even and odd lines, each [1, H, W, 6]: in each pixel two columns of RGB.

        Args:
            lines: H is half a whole number of blocks.
            factor: of levels over the range of -1 to 1.

        Returns:
            The same shapes.
        """
        _, height, width, channels = lines[0].get_output_shape(0)
        num_cells = part_px(self.resolution) // CELL_PX
        num_parts = self.block_px // part_px(self.resolution)
        down, across = 2 * height // self.block_px, 2 * width // self.block_px
        cells = integers(down * num_parts, num_cells, _HALF, across * num_parts, num_cells, _LINE)
        means = [op.reduce_mean(op.reshape(each, cells, False), integers(1), False) for each in lines]
        parts = op.reshape(self._patterns(means, factor), integers(down, num_parts, across, num_parts, -1), False)
        pattern = op.reshape(
            op.reduce_mean(parts, integers(1, 3), False), integers(down, across, 2, _HALF, _LINE), False
        )
        whole = integers(1, height, width, channels)
        quarters = self.block_px // TILE_PX
        tiles = integers(down, quarters, TILE_PX // 2, across, quarters, TILE_PX * _RGB)
        return [
            op.reshape(
                op.subtract(op.reshape(each, tiles, False), self._correction(pattern, line, factor)), whole, False
            )
            for line, each in enumerate(lines)
        ]

    def _patterns(self, means: list[Any], factor: float) -> Any:
        """From means over rows of cells, [D, 4, A, C, 24] a line, to each part's pattern, [D, A, 192], bounded."""
        down, _, across, num_cells, _ = means[0].get_output_shape(0)
        apart = integers(down, _HALF, across, num_cells, CELL_PX, _RGB)
        rough = op.reduce_mean(op.reshape(means[0], apart, False), integers(1, 3, 4), True)
        total = constant(-factor * self._of_tile()[None])
        for line, each in enumerate(means):
            small = op.transpose(op.subtract(op.reshape(each, apart, False), rough), integers(0, 2, 1, 3, 4, 5))
            rows = op.reshape(small, integers(down * across, _HALF * num_cells * _LINE), False)
            total = op.add(op.matmul(rows, constant(_weights(line, num_cells)), False, False), total)
        return op.clamp(total, -factor * LIMIT, factor * LIMIT)

    def _correction(self, pattern: Any, line: int, factor: float) -> Any:
        """What is to be subtracted from a line's rows, [D, 1, 16, A, 1, 96]."""
        down, across = pattern.get_output_shape(0)[:2]
        own = op.transpose(cut(pattern, [line], [line + 1], [2]), integers(2, 0, 3, 1, 4))  # [1, D, 4, A, 24]
        shaped = op.reshape(own, integers(down, 1, _HALF, across, 1, _LINE), False)
        tile = factor * _by_lines(self.tile)[line].reshape(1, _QUARTERS, _HALF, 1, _QUARTERS, _LINE)
        whole = integers(down, 1, TILE_PX // 2, across, 1, TILE_PX * _RGB)
        return op.reshape(op.add(shaped, constant(tile)), whole, False)

    def _of_tile(self) -> Array:
        """What the measure would take for a pattern in the tile itself, which is subtracted anyway: [192]."""
        means = self.tile.reshape(_RGB, _QUARTERS, CELL_PX, _QUARTERS, CELL_PX).mean(axis=(1, 3), dtype=np.float64)
        found = means.reshape(_RGB, -1) @ projection()
        return _by_lines(found.reshape(_RGB, CELL_PX, CELL_PX)).reshape(-1)

    def out_of_picture(self, picture: Any) -> Any:
        """Take it out of a whole picture [1, 3, R, R], about -1 to 1."""
        whole = picture.get_output_shape(0)
        half = self.resolution // 2
        parts = op.reshape(picture, integers(_RGB, half, 2, half, 2), False)
        by_line = op.transpose(parts, integers(2, 1, 3, 4, 0))  # [2, H, W, 2, 3]
        lines = [
            op.reshape(cut(by_line, [line], [line + 1], [0]), integers(1, half, half, 2 * _RGB), False)
            for line in range(2)
        ]
        freed = op.concat(self.out_of_lines(lines, factor=1.0), 0)
        back = op.transpose(op.reshape(freed, integers(2, half, half, 2, _RGB), False), integers(4, 1, 0, 2, 3))
        return op.reshape(back, integers(*whole), False)


def _by_lines(values: NDArray[np.floating[Any]]) -> Array:
    """Bring [3, H, W] to [2, H / 2, W * 3]: even and odd lines apart, colours inside."""
    colours, height, width = values.shape
    apart = values.reshape(colours, height // 2, 2, width).transpose(2, 1, 3, 0)
    return np.ascontiguousarray(apart.reshape(2, height // 2, width * colours), np.float32)


def _weights(line: int, num_cells: int) -> Array:
    """From a block's row means of one line, [4 rows, C cells, 8 columns, 3], to the pattern of both lines."""
    square = projection().reshape(_HALF, 2, CELL_PX, _HALF, 2, CELL_PX)
    own = square[:, line].transpose(0, 1, 3, 2, 4)  # rows, columns in; lines, rows, columns out
    spread = np.einsum("rcljk,ab,n->rncaljkb", own, np.eye(_RGB), np.full(num_cells, 1 / num_cells))
    return np.ascontiguousarray(spread.reshape(_HALF * num_cells * _LINE, 2 * _HALF * _LINE), np.float32)
