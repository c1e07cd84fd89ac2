import numpy as np
import pytest

from nobodies.errors import ModelError, ShapeError
from nobodies.latents.directions import ganspace, sefa

WIDTH = 6


def spread_out() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (np.random.default_rng(0).normal(size=(4000, WIDTH)) * [5, 3, 1, 0.5, 0.2, 0.1] + 7).astype(np.float32)


def test_principal_components_come_in_order_of_spread_and_are_one_deviation_long() -> None:
    found = ganspace(spread_out(), 3)
    assert np.abs(found.vectors) == pytest.approx(np.diag([5, 3, 1.0])[:, :3] @ np.eye(3, WIDTH), abs=0.2)
    assert found.shares == pytest.approx(np.array([25, 9, 1]) / 35.3, abs=0.02)


def test_sefa_finds_the_direction_that_most_channels_listen_to() -> None:
    listening = np.zeros((10, WIDTH), np.float32)
    listening[:7, 2] = 3.0  # seven channels hear axis 2, three hear axis 4: how loudly does not count
    listening[7:, 4] = 50.0
    found = sefa({"a.affine.weight": listening[:5], "b.affine.weight": listening[5:]}, ["a", "b"], spread_out(), 2)
    assert np.abs(found.vectors).argmax(1).tolist() == [2, 4]
    assert found.shares == pytest.approx([0.7, 0.3])
    assert np.abs(found.vectors).max(1) == pytest.approx([1.0, 0.2], rel=0.1)


def test_directions_do_not_flip_from_run_to_run() -> None:
    first, again = ganspace(spread_out(), 4).vectors, ganspace(spread_out()[::-1], 4).vectors
    assert first == pytest.approx(again, abs=1e-4)


def test_what_cannot_be_factorised_is_refused() -> None:
    with pytest.raises(ModelError, match="no modulated layer x"):
        sefa({}, ["x"], spread_out(), 2)
    with pytest.raises(ShapeError):
        ganspace(spread_out()[:1], 2)
