"""An exact index of embeddings: every one within a distance is found, none is missed."""

import threading
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.uniqueness.neighbours import Rows
from nobodies.vision.identity import NUM_DIMENSIONS

_COARSE_DIMENSIONS: Final = 24
_BLOCK_ROWS: Final = 1 << 14
"""So few that BLAS keeps to one thread: where others use the processor too, its threads wait long for each other."""
_FIRST_FIT: Final = 1024
_HALF_PRECISION: Final = 2**-11
"""How far rounding moves an embedding at most, as a share of its length."""
_SINGLE_PRECISION: Final = 1e-5
"""More than a sum of 25 products in f32 loses, as a share of the squared lengths in it."""


class _Block:
    """Embeddings twice: whole in half precision, and their coarse part, laid out for one product with a query."""

    def __init__(self) -> None:
        self.keys = np.zeros(_BLOCK_ROWS, np.int64)
        self.rows = np.zeros((_BLOCK_ROWS, NUM_DIMENSIONS), np.float16)
        self.coarse = np.zeros((_COARSE_DIMENSIONS + 1, _BLOCK_ROWS), np.float32)
        self.count = 0


class Index:
    """Finds embeddings near another by a bound that never errs. May be shared by threads.

    The distance in a few orthogonal directions is at most the whole distance. So one product of the query with the
    coarse part of all embeddings leaves few that may be near, and only those are compared whole. The directions are
    the principal ones of what is stored, found anew each time its number has doubled; which ones they are changes the
    time a search takes and nothing else.

    An approximate graph (HNSW, arXiv:1603.09320) was used before: it is not quicker at a million embeddings, takes
    minutes to build, and misses some. docs/results-trust.md has the figures.
    """

    def __init__(self) -> None:
        """Make an empty index."""
        self._blocks: list[_Block] = []
        self._directions = np.eye(NUM_DIMENSIONS, _COARSE_DIMENSIONS, dtype=np.float32)
        self._centre = np.zeros(NUM_DIMENSIONS, np.float32)
        self._next_fit = _FIRST_FIT
        self._longest = 0.0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count the embeddings."""
        return sum(block.count for block in self._blocks)

    def add(self, keys: NDArray[np.int64], rows: Rows) -> None:
        """Take in embeddings [N, 128] under keys [N]."""
        with self._lock:
            self._longest = max(self._longest, float(np.linalg.norm(rows, axis=1).max(initial=0)))
            self._append(keys, rows)
            if len(self) >= self._next_fit:
                self._fit()

    def _append(self, keys: NDArray[np.int64], rows: Rows) -> None:
        done = 0
        while done < len(keys):
            if not self._blocks or self._blocks[-1].count == _BLOCK_ROWS:
                self._blocks.append(_Block())
            block = self._blocks[-1]
            part = slice(done, done + _BLOCK_ROWS - block.count)
            place = slice(block.count, block.count + len(keys[part]))
            block.keys[place] = keys[part]
            block.rows[place] = rows[part]
            block.coarse[:, place] = self._project(block.rows[place])
            block.count = place.stop
            done = part.stop

    def within(self, row: Rows, distance: float, *, first: int = 0) -> list[int]:
        """Give the keys of all embeddings closer than a distance, nearest first.

        Args:
            row: [128].
            distance: how close.
            first: leave out so many that were added first.

        Returns:
            Keys. Rounding may add some that are further away by a thousandth; none is missing.
        """
        with self._lock:
            return self._within(row, distance, first)

    def _within(self, row: Rows, distance: float, first: int) -> list[int]:
        limit = distance + _HALF_PRECISION * self._longest
        query = self._project(row[None])[:, 0]
        # |a - b|² = |b|² + (|a|² - 2ab): the last line of `coarse` holds |b|².
        product = np.append(-2 * query[:-1], np.float32(1))
        slack = _SINGLE_PRECISION * (np.sqrt(query[-1]) + limit) ** 2
        bound = np.float32(limit**2 - query[-1] + slack)
        found: list[tuple[NDArray[np.int64], Rows]] = []
        for block, start in self._from(first):
            near = start + np.flatnonzero(product @ block.coarse[:, start : block.count] < bound)
            if len(near):
                distances = np.linalg.norm(block.rows[near].astype(np.float32) - row, axis=1)
                close = distances < limit
                found.append((block.keys[near[close]], distances[close]))
        if not found:
            return []
        keys, distances = (np.concatenate(part) for part in zip(*found, strict=True))
        return [int(key) for key in keys[np.argsort(distances, kind="stable")]]

    def _from(self, first: int) -> Iterator[tuple[_Block, int]]:
        """Blocks that hold embeddings from number `first` on, and where in them those begin."""
        for number, block in enumerate(self._blocks):
            start = max(0, first - number * _BLOCK_ROWS)
            if start < block.count:
                yield block, start

    def _project(self, rows: NDArray[np.floating]) -> Rows:
        """The coarse part of embeddings, and its squared length: [25, N]."""
        coarse = (rows.astype(np.float32) - self._centre) @ self._directions
        return np.vstack([coarse.T, np.einsum("nk,nk->n", coarse, coarse)])

    def _fit(self) -> None:
        """Find the principal directions of what is stored, and project it anew."""
        self._next_fit = 2 * len(self)
        sample = self._blocks[0].rows[: self._blocks[0].count].astype(np.float32)
        self._centre = sample.mean(axis=0)
        _, directions = np.linalg.eigh(np.cov(sample.T))
        self._directions = np.ascontiguousarray(directions[:, : -_COARSE_DIMENSIONS - 1 : -1], np.float32)
        for block in self._blocks:
            block.coarse[:, : block.count] = self._project(block.rows[: block.count])
