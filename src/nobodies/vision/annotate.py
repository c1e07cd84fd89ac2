"""Draw on pictures what was found in them: boxes, points and numbers; or hide the faces.

All functions take uint8 [H, W, 3] RGB and return a new array of that shape.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nobodies.vision.results import Detection

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]

CELLS_ACROSS = 4
"""A hidden face keeps this many patches of colour from cheek to cheek, whatever its size."""
COLOUR_STEP = 16
"""Patches are rounded to multiples of this, so that many frames of one face together tell little more than one."""
MARGIN = 0.3
"""Hidden beyond each side of a box, in parts of its size: the box ends at brow, chin and cheeks."""

# Apart in hue, of like lightness; track 1 gets the second.
_COLOURS = ((255, 99, 71), (0, 200, 120), (70, 150, 255), (255, 190, 0), (200, 110, 255), (0, 200, 210))


def draw_boxes(pixels: Pixels, faces: Sequence[Detection], *, numbers: Sequence[int] | None = None) -> Pixels:
    """Frame faces.

    Args:
        pixels: picture.
        faces: their boxes are drawn, as far as they lie in the picture.
        numbers: one for each face; chooses its colour and is written above its box.
    """
    drawn = pixels.copy()
    thick = _line_px(pixels)
    for face, number in _numbered(faces, numbers):
        x0, y0, x1, y1 = (round(edge) for edge in face.box)
        for side in (
            (x0, y0, x1, y0 + thick),
            (x0, y1 - thick, x1, y1),
            (x0, y0, x0 + thick, y1),
            (x1 - thick, y0, x1, y1),
        ):
            _inside(drawn, side)[...] = _colour(number)
        if number is not None:
            _write(drawn, _label(str(number), max(12, pixels.shape[0] // 36), _colour(number)), x0, y0)
    return drawn


def draw_points(pixels: Pixels, faces: Sequence[Detection], *, numbers: Sequence[int] | None = None) -> Pixels:
    """Mark the six keypoints of faces with small squares; see `draw_boxes`."""
    drawn = pixels.copy()
    for face, number in _numbered(faces, numbers):
        reach = max(_line_px(pixels), round(face.width / 40))
        for x, y in face.keypoints:
            column, row = round(x), round(y)
            square = (column - reach, row - reach, column + reach + 1, row + reach + 1)
            _inside(drawn, square)[...] = _colour(number)
    return drawn


def pixelate(pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
    """Hide what lies in boxes behind a few flat patches of colour.

    Each box is first grown by MARGIN. What is left of a face is CELLS_ACROSS patches from cheek to cheek, each the
    rounded mean of what it covers; nothing finer can be had back from one picture. Hair, skin and clothes may still
    tell somebody who knows the person.

    Args:
        pixels: picture.
        boxes: left, top, right, bottom in pixels; may reach over the edges.
    """
    return _hide(pixels, boxes, Image.Resampling.NEAREST)


def blur(pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
    """Hide what lies in boxes behind a blur.

    The same patches as `pixelate` leaves, drawn with soft transitions: a blur made from them holds no more than they
    do, while a filter over the face itself could be undone.
    """
    return _hide(pixels, boxes, Image.Resampling.BICUBIC)


def grow(box: Box, growth: float) -> Box:
    """Move each side of a box outward by `growth` times its width or height."""
    x0, y0, x1, y1 = box
    dx, dy = (x1 - x0) * growth, (y1 - y0) * growth
    return x0 - dx, y0 - dy, x1 + dx, y1 + dy


def _hide(pixels: Pixels, boxes: Sequence[Box], filling: Image.Resampling) -> Pixels:
    # Every region is filled from the original: where two overlap, the second must not stand on the first's edge.
    hidden = pixels.copy()
    for box in boxes:
        x0, y0, x1, y1 = grow(box, MARGIN)
        outer = (floor(x0), floor(y0), ceil(x1), ceil(y1))
        region = _inside(pixels, outer)
        if region.size:
            cell_px = (box[2] - box[0]) / CELLS_ACROSS
            _inside(hidden, outer)[...] = _coarse(region, cell_px, filling)
    return hidden


def _coarse(region: Pixels, cell_px: float, filling: Image.Resampling) -> Pixels:
    """Reduce a region to rounded mean colours and fill it with them again."""
    height, width = region.shape[:2]
    cells = (max(1, round(width / cell_px)), max(1, round(height / cell_px)))
    means = np.asarray(Image.fromarray(region).resize(cells, Image.Resampling.BOX), np.int16)
    rounded = np.minimum((means + COLOUR_STEP // 2) // COLOUR_STEP * COLOUR_STEP, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(rounded).resize((width, height), filling))


def _inside(pixels: Pixels, box: tuple[int, int, int, int]) -> Pixels:
    """View of the part of a box that lies in the picture."""
    x0, y0, x1, y1 = box
    return pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]


def _numbered(faces: Sequence[Detection], numbers: Sequence[int] | None) -> Iterator[tuple[Detection, int | None]]:
    return zip(faces, numbers or repeat(None, len(faces)), strict=True)


def _write(drawn: Pixels, label: Pixels, x: int, y: int) -> None:
    """Set a label on top of a box that begins at (x, y), or inside it where there is no room; changes `drawn`."""
    height, width = label.shape[:2]
    left, top = max(x, 0), max(y - height, 0)
    target = _inside(drawn, (left, top, left + width, top + height))
    target[...] = label[: target.shape[0], : target.shape[1]]


@lru_cache(maxsize=256)
def _label(text: str, size_px: int, colour: Colour) -> Pixels:
    font = ImageFont.load_default(size_px)
    label = Image.new("RGB", (ceil(font.getlength(text)) + size_px // 2, round(size_px * 1.3)), colour)
    ImageDraw.Draw(label).text((label.width / 2, label.height / 2), text, fill=(0, 0, 0), font=font, anchor="mm")
    return np.asarray(label)


def _line_px(pixels: Pixels) -> int:
    longer: int = max(pixels.shape[:2])
    return max(2, longer // 400)


def _colour(number: int | None) -> Colour:
    return _COLOURS[(number or 0) % len(_COLOURS)]
