from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nobodies.uniqueness.neighbours import BIN_WIDTH, Index, Rows, compare


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


def test_the_index_finds_what_exact_search_finds() -> None:
    pytest.importorskip("faiss")
    rows, queries = embeddings(3000), embeddings(200, 9)
    queries[:100] = rows[:100] + np.float32(0.02) * embeddings(100, 5)
    index = Index()
    index.add(np.arange(1, 3001), rows)
    exact = compare(queries, rows).nearest_index + 1
    found = [truth in index.candidates(query, 16) for query, truth in zip(queries, exact, strict=True)]
    assert all(found[:100]), "near ones are never missed"
    assert np.mean(found) > 0.9


def test_a_saved_index_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    index, rows = Index(), embeddings(50)
    index.add(np.arange(50) + 7, rows)
    index.save(tmp_path / "a.index")
    back = Index()
    assert back.load(tmp_path / "a.index")
    assert len(back) == 50
    assert back.candidates(rows[3], 1) == [10]


@pytest.mark.parametrize("keep", [0, 10, 32, 200, -1])
def test_a_torn_index_is_not_read(tmp_path: Path, keep: int) -> None:
    pytest.importorskip("faiss")
    index = Index()
    index.add(np.arange(50), embeddings(50))
    path = tmp_path / "a.index"
    index.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    back = Index()
    assert not back.load(path)
    assert not back.load(tmp_path / "missing")
    assert len(back) == 0
