import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nobodies.uniqueness.neighbours import BIN_WIDTH, Rows, compare


def embeddings(count: int, seed: int = 0) -> Rows:
    rows = np.random.default_rng(seed).standard_normal((count, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def slowly(rows: Rows, others: Rows) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.linalg.norm(
        rows[:, None].astype(np.float64) - others[None].astype(np.float64), axis=2
    )
    return distances


@given(st.integers(2, 40), st.integers(0, 9), st.sampled_from([1, 3, 7, 1024]))
@settings(max_examples=30, deadline=None)
def test_comparing_in_blocks_is_comparing_all(count: int, seed: int, block: int) -> None:
    rows = embeddings(count, seed)
    truth = slowly(rows, rows)
    upper = truth[np.triu_indices(count, 1)]
    np.fill_diagonal(truth, np.inf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nobodies.uniqueness.neighbours._BLOCK_ROWS", block)
        found = compare(rows)
    np.testing.assert_allclose(found.nearest, truth.min(axis=1), atol=1e-3)
    np.testing.assert_array_equal(found.nearest_index, truth.argmin(axis=1))
    assert found.num_pairs == count * (count - 1) // 2
    assert abs(found.pairs_within(1.4) - (upper < 1.4).sum()) <= (np.abs(upper - 1.4) < 2 * BIN_WIDTH).sum()


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 4, 1024]))
@settings(max_examples=20, deadline=None)
def test_comparing_with_others(count: int, num_others: int, block: int) -> None:
    rows, others = embeddings(count, 1), embeddings(num_others, 2)
    truth = slowly(rows, others)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nobodies.uniqueness.neighbours._BLOCK_ROWS", block)
        found = compare(rows, others)
    np.testing.assert_allclose(found.nearest, truth.min(axis=1), atol=1e-3)
    assert found.num_pairs == count * num_others
