import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from nobodies.errors import ShapeError
from nobodies.latents import broadcast, conform, truncate

CODES = arrays(np.float32, (2, 3, 4), elements=st.floats(-10, 10, width=32))
AVERAGE = arrays(np.float32, (4,), elements=st.floats(-10, 10, width=32))


@given(CODES, AVERAGE)
def test_psi_1_changes_nothing_and_psi_0_gives_the_average(
    ws: NDArray[np.float32], w_avg: NDArray[np.float32]
) -> None:
    assert np.array_equal(truncate(ws, w_avg, psi=1.0), ws)
    assert np.array_equal(truncate(ws, w_avg, psi=0.0), np.broadcast_to(w_avg, ws.shape))


@given(CODES, AVERAGE, st.floats(-1.5, 1.5), st.integers(0, 3))
def test_cutoff_leaves_the_later_layers_alone(
    ws: NDArray[np.float32], w_avg: NDArray[np.float32], psi: float, cutoff: int
) -> None:
    kept = ws.copy()
    cut = truncate(ws, w_avg, psi=psi, cutoff=cutoff)
    assert np.array_equal(cut[:, :cutoff], truncate(ws, w_avg, psi=psi)[:, :cutoff])
    assert np.array_equal(cut[:, cutoff:], ws[:, cutoff:])
    assert np.array_equal(ws, kept)


@given(CODES, AVERAGE, st.floats(0, 1))
def test_truncation_brings_codes_nearer(ws: NDArray[np.float32], w_avg: NDArray[np.float32], psi: float) -> None:
    far = np.abs(ws - w_avg).max()
    assert np.abs(truncate(ws, w_avg, psi=psi) - w_avg).max() <= far * psi + 1e-4


def test_truncate_refuses_shapes_that_do_not_go_together() -> None:
    with pytest.raises(ShapeError, match=r"\[2, 3\]"):
        truncate(np.zeros((2, 3), np.float32), np.zeros(3, np.float32), psi=0.5)


@pytest.mark.parametrize(
    ("shape", "faces"), [((4,), 1), ((3, 4), 1), ((2, 4), 2), ((2, 3, 4), 2), ((5, 3, 4), 5), ((0, 4), 0)]
)
def test_conform_takes_one_code_or_one_a_layer(shape: tuple[int, ...], faces: int) -> None:
    codes = conform(np.ones(shape), num_ws=3, w_dim=4)
    assert codes.shape == (faces, 3, 4)
    assert codes.dtype == np.float32


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 2, 4)),
        np.zeros((3, 5)),
        np.zeros(()),
        np.zeros((1, 1, 3, 4)),
        np.array(["a"] * 4),
        np.full(4, np.nan),
        np.full(4, np.inf),
        np.zeros(4, complex),
    ],
)
def test_conform_refuses_anything_else_in_one_line(bad: NDArray[np.float64]) -> None:
    with pytest.raises(ShapeError) as error:
        conform(bad, num_ws=3, w_dim=4)
    assert "\n" not in str(error.value)


def test_broadcast_gives_every_layer_the_same() -> None:
    w = np.arange(8, dtype=np.float32).reshape(2, 4)
    ws = broadcast(w, 3)
    assert ws.shape == (2, 3, 4)
    assert (ws == w[:, None]).all()
    with pytest.raises(ShapeError):
        broadcast(w[0], 3)
