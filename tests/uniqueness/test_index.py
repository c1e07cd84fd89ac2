from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nobodies.uniqueness import index as room
from nobodies.uniqueness.index import Index
from nobodies.uniqueness.neighbours import Rows
from tests.uniqueness.test_neighbours import embeddings


def lifelike(count: int, seed: int) -> Rows:
    """Embeddings that lie as real ones do: off the centre, and further apart in some directions than in others."""
    rng = np.random.default_rng(seed)
    spread = np.geomspace(0.12, 0.002, 128)
    return (rng.standard_normal((count, 128)) * spread + 0.11).astype(np.float32)


def truth(rows: Rows, query: Rows) -> Rows:
    distances: Rows = np.linalg.norm(rows.astype(np.float64) - query.astype(np.float64), axis=1)
    return distances


@given(
    st.sampled_from([embeddings, lifelike]),
    st.integers(0, 300),
    st.integers(1, 64),
    st.floats(0.01, 1.6),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_all_within_a_distance_are_found_and_hardly_others(
    draw: Callable[[int, int], Rows], count: int, step: int, distance: float, seed: int
) -> None:
    rows, queries = draw(count + 1, seed), draw(3, seed + 100)
    queries[0] = rows[count // 2]  # one that is there
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_BLOCK_ROWS", 37)
        patch.setattr(room, "_FIRST_FIT", 50)
        index = Index()
        for first in range(0, len(rows), step):
            index.add(np.arange(first, min(first + step, len(rows))) + 1000, rows[first : first + step])
        assert len(index) == len(rows)
        for query in queries:
            found = index.within(query, distance)
            exact = truth(rows, query)
            assert set(np.flatnonzero(exact < distance) + 1000) <= set(found)
            assert set(found) <= set(np.flatnonzero(exact < distance + 0.003) + 1000)
            assert len(set(found)) == len(found)
            assert np.all(np.diff(exact[np.array(found, int) - 1000]) > -0.003), "nearest first"
            later = index.within(query, distance, first=count // 3)
            assert later == [key for key in found if key - 1000 >= count // 3]


def test_long_embeddings_are_not_missed_for_their_rounding() -> None:
    rows = embeddings(500) * np.float32(40)
    index = Index()
    index.add(np.arange(500), rows)
    for number in (0, 250, 499):
        query = rows[number].copy()
        query[3] += 0.0999
        assert number in index.within(query, 0.1)


def test_an_empty_index_finds_nothing() -> None:
    index = Index()
    assert index.within(embeddings(1)[0], 2.0) == []
    index.add(np.empty(0, np.int64), np.empty((0, 128), np.float32))
    assert len(index) == 0
