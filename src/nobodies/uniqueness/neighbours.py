"""Nearest neighbours among many embeddings, and the distribution of all their distances."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

BIN_WIDTH: Final = 0.001
NUM_BINS: Final = 3000
"""Distances are counted in bins up to 3; embeddings lie closer together than that."""

_BLOCK_ROWS: Final = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """How near every embedding of a set is to the others, or to those of another set."""

    nearest: Rows
    """Distance of the nearest other, [N]."""
    nearest_index: NDArray[np.intp]
    """Which one that is, [N]."""
    histogram: NDArray[np.int64]
    """Pairs by distance, [NUM_BINS], each pair once."""

    @property
    def num_pairs(self) -> int:
        """Count all pairs."""
        return int(self.histogram.sum())

    def pairs_within(self, distance: float) -> int:
        """Count the pairs at less than a distance, which is rounded to `BIN_WIDTH`."""
        return int(self.histogram[: round(distance / BIN_WIDTH)].sum())


def compare(rows: Rows, others: Rows | None = None) -> Comparison:
    """Compare every embedding with every other, exactly, in blocks.

    Args:
        rows: [N, D], N ≥ 1.
        others: [M, D]; if None, `rows` among themselves, each pair once and none with itself; then N ≥ 2.

    Returns:
        Nearest neighbours and the distribution of all distances. Memory is bounded by N + M, not by their product.
    """
    among = others is None
    columns = rows if others is None else others
    nearest = np.full(len(rows), np.inf, np.float32)
    nearest_index = np.zeros(len(rows), np.intp)
    histogram = np.zeros(NUM_BINS, np.int64)
    for top in range(0, len(rows), _BLOCK_ROWS):
        block = rows[top : top + _BLOCK_ROWS]
        for left in range(0, len(columns), _BLOCK_ROWS):
            distances = _distances(block, columns[left : left + _BLOCK_ROWS])
            if among and left == top:
                np.fill_diagonal(distances, np.inf)
            if not among or left >= top:
                histogram += _counted(
                    distances[np.triu_indices_from(distances, 1)] if left == top and among else distances
                )
            best = distances.argmin(axis=1)
            here = distances[np.arange(len(block)), best]
            closer = here < nearest[top : top + len(block)]
            nearest[top : top + len(block)][closer] = here[closer]
            nearest_index[top : top + len(block)][closer] = left + best[closer]
    return Comparison(nearest, nearest_index, histogram)


def _distances(rows: Rows, columns: Rows) -> Rows:
    squares = np.einsum("nd,nd->n", rows, rows)[:, None] + np.einsum("md,md->m", columns, columns)
    distances: Rows = np.sqrt(np.maximum(squares - 2 * rows @ columns.T, 0))
    return distances


def _counted(distances: Rows) -> NDArray[np.int64]:
    bins = np.minimum(distances.reshape(-1) * np.float32(1 / BIN_WIDTH), NUM_BINS - 1).astype(np.int64)
    return np.bincount(bins, minlength=NUM_BINS)
