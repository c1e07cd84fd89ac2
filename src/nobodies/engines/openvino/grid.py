"""Taking the grid out of a picture, as OpenVINO operations: see `nobodies.models.architectures.grid`.

It is done on the finished picture, colours innermost, where everything lies in whole runs of memory; of bytes, too:
so the large picture is read twice and written once, as bytes. Cells are added up as sums of slices, which OpenVINO
compiles to one pass, and not by its means over several axes, which it leaves to a slow kernel. After that everything
is small. docs/log/grid.md has the figures.
"""

from collections.abc import Sequence
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
_HALF: Final = 127.5


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

    def out_of_bytes(self, picture: Any) -> Any:
        """Take it out of whole rows of a picture, bytes [1, H, W, 3]; H is a whole number of blocks.

        The picture is whole numbers, so it is the correction that is rounded, which is small.
        """
        correction = op.round(self._correction(picture, factor=_HALF, middle=_HALF), "half_to_even")
        freed = op.clamp(self._subtracted(picture, correction), 0, 255)
        return op.reshape(op.convert(freed, "u8"), integers(*picture.get_output_shape(0)), False)

    def out_of_picture(self, picture: Any) -> Any:
        """Take it out of a whole picture [1, 3, R, R], about -1 to 1."""
        turned = op.transpose(picture, integers(0, 2, 3, 1))
        freed = self._subtracted(turned, self._correction(turned, factor=1.0, middle=0.0))
        shape = integers(*turned.get_output_shape(0))
        return op.transpose(op.reshape(freed, shape, False), integers(0, 3, 1, 2))

    def _blocks(self, picture: Any) -> tuple[int, int]:
        """How many blocks lie above each other and side by side."""
        height, width = picture.get_output_shape(0)[1:3]
        return height // self.block_px, width // self.block_px

    def _subtracted(self, picture: Any, correction: Any) -> Any:
        """Subtract rows of tiles, [D, 1, 32, A, 1, 96], from all of a picture; gives [D, N, 32, A, N, 96]."""
        down, across = self._blocks(picture)
        tiles = self.block_px // TILE_PX
        shape = integers(down, tiles, TILE_PX, across, tiles, TILE_PX * _RGB)
        return op.subtract(op.convert(op.reshape(picture, shape, False), "f32"), correction)

    def _correction(self, picture: Any, *, factor: float, middle: float) -> Any:
        """Give what is to be subtracted from rows of tiles, [D, 1, 32, A, 1, 96].

        Args:
            picture: [1, H, W, 3].
            factor: of its numbers over the range of -1 to 1.
            middle: its mid-grey.
        """
        down, across = self._blocks(picture)
        num_parts = self.block_px // part_px(self.resolution)
        shape = integers(down, num_parts, across, num_parts, CELL_PX * _LINE)
        parts = op.reshape(self._patterns(self._added_up(picture, middle), factor), shape, False)
        pattern = op.reduce_mean(parts, integers(1, 3), False)  # [D, A, 192]
        lines = op.transpose(op.reshape(pattern, integers(down, across, CELL_PX, _LINE), False), integers(0, 2, 1, 3))
        cells = op.reshape(lines, integers(down, 1, CELL_PX, across, 1, _LINE), False)
        tile = self.tile.transpose(1, 2, 0).reshape(1, _QUARTERS, CELL_PX, 1, _QUARTERS, _LINE)
        whole = integers(down, 1, TILE_PX, across, 1, TILE_PX * _RGB)
        return op.reshape(op.add(cells, constant(factor * tile)), whole, False)

    def _added_up(self, picture: Any, middle: float) -> Any:
        """Add up the cells of each part: [rows of parts, 8, parts in a row, 24].

        Mid-grey is subtracted at once: the projection ignores it, and bf16 keeps small numbers better.
        """
        height, width = picture.get_output_shape(0)[1:3]
        part = part_px(self.resolution)
        num_cells, down, across = part // CELL_PX, height // part, width // part
        rows = _split(op.reshape(picture, integers(down, num_cells, CELL_PX * width * _RGB), False), num_cells)
        column = op.subtract(_total([op.convert(row, "f32") for row in rows]), constant(num_cells * middle))
        cells = op.reshape(column, integers(down * CELL_PX * across, num_cells, _LINE), False)
        return op.reshape(_total(_split(cells, num_cells)), integers(down, CELL_PX, across, _LINE), False)

    def _patterns(self, sums: Any, factor: float) -> Any:
        """From sums over cells to each part's pattern, [parts, 192], bounded."""
        weights = np.kron(projection(), np.eye(_RGB)) / (part_px(self.resolution) // CELL_PX) ** 2
        rows = op.reshape(op.transpose(sums, integers(0, 2, 1, 3)), integers(-1, CELL_PX * _LINE), False)
        own = op.subtract(op.matmul(rows, constant(weights), False, False), constant(factor * self._of_tile()[None]))
        return op.clamp(own, -factor * LIMIT, factor * LIMIT)

    def _of_tile(self) -> Array:
        """What the measure would take for a pattern in the tile itself, which is subtracted anyway: [192]."""
        means = self.tile.reshape(_RGB, _QUARTERS, CELL_PX, _QUARTERS, CELL_PX).mean(axis=(1, 3), dtype=np.float64)
        found: Array = (means.reshape(_RGB, -1) @ projection()).T.astype(np.float32).reshape(-1)
        return found


def _split(x: Any, count: int) -> list[Any]:
    """Take [N, count, M] apart, along its second axis."""
    return list(op.split(x, op.constant(np.int64(1)), count).outputs())


def _total(parts: Sequence[Any]) -> Any:
    """Add in pairs."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return op.add(_total(parts[:half]), _total(parts[half:]))
