from collections.abc import Callable, Sequence
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nobodies.vision.annotate import (
    CELLS_ACROSS,
    COLOUR_STEP,
    MARGIN,
    Box,
    blur,
    draw_boxes,
    draw_points,
    grow,
    pixelate,
)
from tests.vision.stand_in import face

Pixels = NDArray[np.uint8]
Hide = Callable[[Pixels, Sequence[Box]], Pixels]


def noise(height: int = 120, width: int = 160, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


edges = st.floats(-100, 260)
boxes = st.lists(st.tuples(edges, edges, st.floats(1, 200), st.floats(1, 200)), max_size=4).map(
    lambda them: [(x, y, x + width, y + height) for x, y, width, height in them]
)


@settings(deadline=None)
@given(boxes)
@pytest.mark.parametrize("hide", [blur, pixelate])
def test_nothing_outside_the_boxes_is_touched(hide: Hide, them: list[Box]) -> None:
    pixels = noise()
    hidden = hide(pixels, them)
    np.testing.assert_array_equal(pixels, noise())  # the input is not changed
    inside = np.zeros(pixels.shape[:2], bool)
    for box in them:
        x0, y0, x1, y1 = grow(box, MARGIN)
        left, top, right, bottom = (max(0, each) for each in (floor(x0), floor(y0), ceil(x1), ceil(y1)))
        inside[top:bottom, left:right] = True
    np.testing.assert_array_equal(hidden[~inside], pixels[~inside])


@pytest.mark.parametrize("side", [15, 60, 240])
def test_a_face_of_any_size_keeps_as_few_colours(side: int) -> None:
    pixels = np.kron(noise(32, 32), np.ones((side // 8 + 1, side // 8 + 1, 1), np.uint8))
    hidden = pixelate(pixels, [(side, side, 2 * side, 2 * side)])
    region = hidden[side : 2 * side, side : 2 * side]
    colours = np.unique(region.reshape(-1, 3), axis=0)
    assert 3 < len(colours) <= (CELLS_ACROSS + 1) ** 2
    assert ((colours % COLOUR_STEP == 0) | (colours == 255)).all()


@pytest.mark.parametrize("hide", [blur, pixelate])
def test_details_inside_a_patch_leave_no_trace(hide: Hide) -> None:
    # The box, with its margin, is the whole picture of 96 px, in 6 by 6 patches. Each patch is turned upside down:
    # every detail differs, the means do not.
    pixels = noise(96, 96)
    other = pixels.reshape(6, 16, 96, 3)[:, ::-1].reshape(96, 96, 3)
    assert np.abs(pixels.astype(int) - other).mean() > 50
    np.testing.assert_array_equal(hide(pixels, [(18, 18, 78, 78)]), hide(other, [(18, 18, 78, 78)]))


def test_boxes_are_drawn_in_the_colour_of_their_number() -> None:
    pixels = np.zeros((120, 160, 3), np.uint8)
    drawn = draw_boxes(pixels, [face(20, 40, 60, 80), face(90, 40, 130, 80)], numbers=[1, 2])
    assert not pixels.any()
    first, second = drawn[60, 20], drawn[60, 90]
    assert first.any()
    assert second.any()
    assert not np.array_equal(first, second)
    assert not drawn[60, 40].any()
    assert drawn[30, 20:60].any()  # the number stands above the box
    assert not draw_boxes(pixels, [face(20, 40, 60, 80)])[:38].any()


def test_points_are_drawn_where_they_are() -> None:
    pixels = np.zeros((120, 160, 3), np.uint8)
    found = face(20, 20, 120, 100)
    drawn = draw_points(pixels, [found])
    for x, y in found.keypoints:
        assert drawn[round(y), round(x)].any()
    assert not drawn[:, 130:].any()


def test_faces_over_the_edge_are_drawn_as_far_as_they_are_seen() -> None:
    pixels = np.zeros((50, 50, 3), np.uint8)
    for found in (face(-30, -30, 20, 20), face(40, 40, 90, 90), face(-100, -100, -50, -50), face(-10, -10, 60, 60)):
        for draw in (draw_boxes, draw_points):
            assert draw(pixels, [found], numbers=[3]).shape == pixels.shape
        assert blur(noise(50, 50), [found.box]).shape == pixels.shape
