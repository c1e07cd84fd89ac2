from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nobodies.vision.warp import cut, fit_similarity, invert, move, scale_of, square

Array = npt.NDArray[Any]

places = st.floats(-300, 300)


@given(x=places, y=places, side=st.floats(1, 1000), angle=st.floats(-3.1, 3.1), size=st.integers(1, 512))
def test_a_square_comes_to_the_corners_of_the_piece(x: float, y: float, side: float, angle: float, size: int) -> None:
    right = np.array([np.cos(angle), np.sin(angle)]) * side / 2
    down = np.array([-right[1], right[0]])
    corners = np.array([x, y]) + np.stack([-right - down, right - down, right + down])
    moved = move(square(np.array([x, y]), side, angle, size), corners)
    assert np.allclose(moved, [[0, 0], [size, 0], [size, size]], atol=1e-5 * size)


@given(x=places, y=places, side=st.floats(1, 1000), angle=st.floats(-3.1, 3.1))
def test_the_inverse_leads_back(x: float, y: float, side: float, angle: float) -> None:
    transform = square(np.array([x, y]), side, angle, 128)
    points = np.array([[0.0, 0.0], [17.0, -5.0]])
    assert np.allclose(move(invert(transform), move(transform, points)), points, atol=1e-6)
    assert np.isclose(scale_of(transform) * scale_of(invert(transform)), 1)


@given(seed=st.integers(0, 2**32), angle=st.floats(-3.1, 3.1), scale=st.floats(0.1, 10))
def test_a_similarity_is_recovered_from_points(seed: int, angle: float, scale: float) -> None:
    random = np.random.default_rng(seed)
    points, shift = random.normal(size=(5, 2)), random.normal(size=2)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert np.allclose(fit_similarity(points, points @ turn.T + shift), np.column_stack([turn, shift]), atol=1e-6)


def test_a_similarity_never_mirrors() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert np.linalg.det(fit_similarity(points, points * (-1, 1))[:, :2]) > 0


def picture(width: int = 40, height: int = 30) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_cutting_without_turning_copies() -> None:
    whole = picture()
    assert np.array_equal(cut(whole, square(np.array([20, 15]), 16, 0.0, 16), 16), whole[7:23, 12:28])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact(quarters: int) -> None:
    whole = picture()
    piece = cut(whole, square(np.array([20, 15]), 16, quarters * np.pi / 2, 16), 16)
    assert np.abs(piece.astype(int) - np.rot90(whole[7:23, 12:28], quarters)).max() <= 1


def test_edges_go_on_beyond_the_picture() -> None:
    whole = picture()
    piece = cut(whole, square(np.array([0, 0]), 20, 0.0, 20), 20)
    assert np.array_equal(piece[10:, 10:], whole[:10, :10])
    assert (piece[:10, :10] == whole[0, 0]).all()


def test_a_piece_far_from_the_picture_shows_its_nearest_pixel() -> None:
    whole = picture()
    assert (cut(whole, square(np.array([500, 500]), 20, 0.3, 20), 20) == whole[-1, -1]).all()


@pytest.mark.parametrize("scale", [2, 3, 7])
def test_reductions_average_instead_of_picking(scale: int) -> None:
    checks = (np.indices((210, 210)).sum(axis=0) % 2 * 255).astype(np.uint8)
    board = np.repeat(checks[..., None], 3, axis=2)
    size = 210 // scale
    piece = cut(board, square(np.array([105, 105]), 210, 0.0, size), size).astype(float)
    assert np.abs(piece - 127.5).max() < 30


def test_a_reduction_agrees_with_pillow() -> None:
    smooth = np.asarray(Image.fromarray(picture(8, 8)).resize((256, 256), Image.Resampling.BICUBIC))
    piece = cut(smooth, square(np.array([128, 128]), 256, 0.0, 64), 64).astype(int)
    assert np.abs(piece - np.asarray(Image.fromarray(smooth).resize((64, 64), Image.Resampling.BOX))).max() < 12
