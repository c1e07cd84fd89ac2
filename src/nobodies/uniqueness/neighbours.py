"""Nearest neighbours among embeddings: exact for audits, approximate for the ledger, the one checking the other."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import DependencyError
from nobodies.files import write_atomic
from nobodies.vision.identity import NUM_DIMENSIONS

Rows = NDArray[np.float32]

BIN_WIDTH: Final = 0.001
NUM_BINS: Final = 3000
"""Distances are counted in bins up to 3; embeddings lie closer together than that."""

_BLOCK_ROWS: Final = 1024
_CONNECTIVITY: Final = 16
_EXPANSION_ADD: Final = 64
_EXPANSION_SEARCH: Final = 96
_DIGEST_BYTES: Final = 32
_COUNT_BYTES: Final = 8


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


class Index:
    """An approximate index: a navigable small-world graph over embeddings in half precision.

    It proposes; whoever asks compares the proposals exactly. benchmarks/ledger.py measures how often it misses.

    Source: HNSW, arXiv:1603.09320, as faiss builds it (extra `[unique]`). usearch, which is smaller, was tried first:
    once it is imported, OpenVINO, imported later, cannot read its nets any more and draws broken faces.
    """

    def __init__(self) -> None:
        """Make an empty index.

        Raises:
            DependencyError: the extra unique is not installed.
        """
        try:
            import faiss
        except ImportError:
            raise DependencyError("unique faces need an extra: pip install 'nobodies[unique]'") from None
        self._faiss: Any = faiss
        self._graph: Any = self._faiss.IndexHNSWSQ(NUM_DIMENSIONS, self._faiss.ScalarQuantizer.QT_fp16, _CONNECTIVITY)
        self._graph.hnsw.efConstruction = _EXPANSION_ADD
        self._graph.is_trained = True  # half precision has nothing to learn
        self._keys = np.empty(0, np.int64)
        """Keys by place, with room for more."""

    def __len__(self) -> int:
        """Count the embeddings."""
        return int(self._graph.ntotal)

    def add(self, keys: NDArray[np.int64], rows: Rows) -> None:
        """Take in embeddings [N, D] under keys [N], which grow from call to call."""
        if len(keys):
            first = len(self)
            if first + len(keys) > self._keys.size:
                self._keys = np.concatenate([self._keys[:first], np.zeros(first + len(keys), np.int64)])
            self._keys[first : first + len(keys)] = keys
            self._graph.add(np.ascontiguousarray(rows, np.float32))

    def candidates(self, row: Rows, count: int) -> list[int]:
        """Give the keys of embeddings that are probably the nearest to `row` [D]."""
        if not len(self):
            return []
        self._graph.hnsw.efSearch = _EXPANSION_SEARCH
        _, places = self._graph.search(np.ascontiguousarray(row[None], np.float32), count)
        return [int(self._keys[place]) for place in places[0] if place >= 0]

    def save(self, path: Path) -> None:
        """Write the index to a file that is whole or not there.

        Raises:
            OutputError: it cannot be written.
        """
        content = self._keys[: len(self)].astype("<i8").tobytes() + self._faiss.serialize_index(self._graph).tobytes()
        head = hashlib.sha256(content).digest() + len(self).to_bytes(_COUNT_BYTES)
        write_atomic(path, head + content)

    def load(self, path: Path) -> bool:
        """Read an index that was saved; False, and nothing read, if the file is missing or not as it was written."""
        try:
            content = memoryview(path.read_bytes())
        except OSError:
            return False
        head, content = content[: _DIGEST_BYTES + _COUNT_BYTES], content[_DIGEST_BYTES + _COUNT_BYTES :]
        if hashlib.sha256(content).digest() != head[:_DIGEST_BYTES]:
            return False
        count = int.from_bytes(head[_DIGEST_BYTES:])
        self._keys = np.frombuffer(content[: 8 * count], "<i8").astype(np.int64)
        self._graph = self._faiss.deserialize_index(np.frombuffer(content[8 * count :], np.uint8))
        return True
