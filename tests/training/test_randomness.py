import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from nobodies.training.randomness import DataOrder, derive_seed, torch_rng


def test_places_are_independent() -> None:
    seeds = {derive_seed(1, step, chunk, phase) for step in range(9) for chunk in range(9) for phase in ("a", "b")}
    assert len(seeds) == 162
    assert derive_seed(1, 23) != derive_seed(12, 3)


def test_the_same_place_draws_the_same() -> None:
    assert torch.equal(torch.randn(5, generator=torch_rng(3, 7, "z")), torch.randn(5, generator=torch_rng(3, 7, "z")))


@given(st.integers(1, 40), st.integers(0, 200), st.integers(1, 60))
def test_order_does_not_depend_on_where_reading_began(size: int, start: int, count: int) -> None:
    whole = DataOrder(size, seed=5).indices(0, start + count)
    assert DataOrder(size, seed=5).indices(start, count) == whole[start:]


@given(st.integers(1, 40), st.integers(0, 5))
def test_every_epoch_shows_every_picture_once(size: int, epoch: int) -> None:
    shown = DataOrder(size, seed=1).indices(epoch * size, size)
    assert sorted(shown) == list(range(size))


def test_epochs_differ() -> None:
    order = DataOrder(50, seed=1)
    assert not np.array_equal(order.indices(0, 50), order.indices(50, 50))
