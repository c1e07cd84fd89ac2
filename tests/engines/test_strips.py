from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nobodies.engines.openvino.strips import Rows, plan


@given(start=st.integers(2, 6), depth=st.integers(1, 4), data=st.data())
def test_strips_make_every_row_once_and_have_what_they_need(start: int, depth: int, data: st.DataObject) -> None:
    sizes = [2 ** (start + step) for step in range(depth)]
    num_strips = data.draw(st.integers(1, sizes[-1]))
    chains = plan(sizes, num_strips)
    finished = [row for chain in chains for row in range(chain[-1].first, chain[-1].last)]
    assert finished == list(range(sizes[-1]))
    for chain in chains:
        for given_rows, wanted in pairwise(chain):
            made = given_rows.doubled().shrunk().shrunk()
            assert made.first <= wanted.first
            assert wanted.last <= made.last
            assert 0 <= given_rows.first < given_rows.last <= given_rows.size


def test_a_convolution_costs_a_row_at_a_cut_and_none_at_an_edge() -> None:
    assert Rows(0, 8, 16).shrunk() == Rows(0, 7, 16)
    assert Rows(8, 16, 16).shrunk() == Rows(9, 16, 16)
    assert Rows(0, 16, 16).shrunk() == Rows(0, 16, 16)


def test_strips_overlap_by_little() -> None:
    heights = [chain[0].count for chain in plan([256, 512], 8)]
    assert sum(heights) <= 128 * 1.25
