"""Find faces in a picture of any size."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt

from nobodies.errors import SettingError
from nobodies.vision import anchors, nets
from nobodies.vision.pictures import Pixels, check_pixels, resize
from nobodies.vision.results import Detection

Array = npt.NDArray[Any]

MAX_LOOKS = 256
"""The most runs of the net that one picture may cost. Where more would be needed, the smallest faces are given up."""
SMALLEST_SHARE = 1 / 20
"""Smallest face that one look is meant for, as a share of the side looked at: two thirds of faces of that width are
found, and nearly all from a fifteenth up (docs/results.md)."""
_OVERLAP_SHARE = 1 / 4  # of two neighbouring windows; a face up to this size lies whole in one of them
_LARGEST_SHARE = 1 / 2  # of a window that is not the whole picture: larger faces are the business of wider windows
_AUTO_SHARE = 1 / 40  # of the picture's longer side: the default smallest face
_AUTO_SIZE_PX = 32
_COARSER = 1.05
_UPRIGHT_BONUS = 0.05
_SURE = 0.85
"""Faces are scored lower if they are upside down, and their points are then not to be trusted."""


@dataclass(frozen=True, slots=True)
class Window:
    """A square part of the picture that the net looks at. May reach over the edges."""

    x: float
    y: float
    side: float


class Detector:
    """BlazeFace over the whole picture and, where small faces are asked for, over overlapping windows of it.

    Source: BlazeFace, arXiv:1907.05047, the 256 px net of MediaPipe.
    """

    def __init__(self, net: nets.Net) -> None:
        self._net = net

    @classmethod
    def load(cls) -> Self:
        """The detector shipped with the package. Compiled once in a process."""
        return cls(nets.shipped("detector"))

    def detect(
        self, pixels: Pixels, *, min_score: float = 0.5, min_size_px: float | None = None, any_roll: bool = True
    ) -> list[Detection]:
        """Find faces.

        One look covers the whole picture and finds faces down to about a twentieth of its longer side. Smaller ones
        take looks at windows of it, at most `MAX_LOOKS` in all. A look is one run of the net, or two where `any_roll`
        is set and the first finds no face it is sure of.

        Args:
            pixels: uint8 [H, W, 3], RGB.
            min_score: leave out faces scored lower, in (0, 1).
            min_size_px: width of the smallest face to look for, of which two in three are found; nearly all from a
                third wider up. None means a fortieth of the longer side but at
                least 32 px, which costs at most 10 looks; a twentieth of the longer side or more costs one.
            any_roll: where no face is sure, look again upside down. Without, faces turned by more than about 90
                degrees are missed, or found with their points in wrong places; fewer things that are no faces
                are taken for one.

        Returns:
            Faces, the widest first.

        Raises:
            ShapeError: `pixels` is not such an array.
            SettingError: an option is out of range.
        """
        height, width = check_pixels(pixels).shape[:2]
        if not 0 < min_score < 1:
            raise SettingError(f"min_score is {min_score}: it must be between 0 and 1, both excluded")
        if min_size_px is not None and not min_size_px > 0:
            raise SettingError(f"min_size_px is {min_size_px}: it must be above 0")
        looks = windows(width, height, min_size_px=min_size_px)
        found = [self._look(pixels, window, min_score, any_roll) for window in looks]
        faces, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        # A window may take part of a face, which a wider one shows whole, for a face: wider ones come first.
        sides = np.repeat([window.side for window in looks], [len(each) for each, _ in found])
        kept = anchors.distinct(faces, scores + sides / sides.max(initial=1) * 1e6)
        return sorted((detection(faces[i], scores[i]) for i in kept), key=lambda face: -face.width)

    def _look(self, pixels: Pixels, window: Window, min_score: float, any_roll: bool) -> tuple[Array, Array]:
        """Faces that lie whole in one window, [K, 8, 2] in pixels of the picture, with scores [K]."""
        view = _view(pixels, window)
        faces, scores = self._run(view, min_score)
        if any_roll and not (scores > _SURE).any():
            faces, scores = _with_turned((faces, scores), self._run(view[::-1, ::-1], min_score))
        faces = faces * window.side + (window.x, window.y)
        whole = _not_cut(faces, window, (pixels.shape[1], pixels.shape[0]))
        if window.side < max(pixels.shape[:2]):
            whole &= faces[:, 1, 0] - faces[:, 0, 0] < window.side * _LARGEST_SHARE
        return faces[whole], scores[whole]

    def _run(self, view: Pixels, min_score: float) -> tuple[Array, Array]:
        answer = self._net(view)
        faces, scores = anchors.decode(answer["boxes"][0], answer["logits"][0], min_score=min_score)
        return anchors.blend(faces, scores)


def _with_turned(upright: tuple[Array, Array], turned: tuple[Array, Array]) -> tuple[Array, Array]:
    """What two looks found, the second of them upside down; of one face the clearly better-scored answer."""
    back = 1 - turned[0]
    back[:, :2] = back[:, 1::-1]  # what was the lower right corner is the upper left one
    faces, scores = np.concatenate([upright[0], back]), np.concatenate([upright[1], turned[1]])
    kept = anchors.distinct(faces, np.concatenate([upright[1], turned[1] - _UPRIGHT_BONUS]))
    return faces[kept], scores[kept]


def windows(width: int, height: int, *, min_size_px: float | None = None) -> list[Window]:
    """Where to look so that faces from `min_size_px` up are found: first the whole picture, then finer and finer.

    Args:
        width: of the picture.
        height: of the picture.
        min_size_px: width of the smallest face, None for the default of `Detector.detect`.

    Returns:
        At most `MAX_LOOKS` windows.
    """
    longer = max(width, height)
    smallest = max(_AUTO_SIZE_PX, longer * _AUTO_SHARE) if min_size_px is None else min_size_px
    chosen = [Window((width - longer) / 2, (height - longer) / 2, longer)]
    side, finest = float(longer), smallest / SMALLEST_SHARE
    while side > finest:
        # The next level's overlap must hold whatever this level is too coarse for.
        side = max(finest, side * SMALLEST_SHARE / _OVERLAP_SHARE)
        while len(chosen) + _count(width, side) * _count(height, side) > MAX_LOOKS:
            side = finest = side * _COARSER
        chosen += [Window(x, y, side) for y in _starts(height, side) for x in _starts(width, side)]
    return chosen


def _count(length: float, side: float) -> int:
    """How many windows cover a length, neighbours overlapping by a quarter of the side or more."""
    step = side * (1 - _OVERLAP_SHARE)
    return max(1, ceil((length - side) / step - 1e-9) + 1)


def _starts(length: float, side: float) -> list[float]:
    count = _count(length, side)
    if count == 1:
        return [(length - side) / 2]
    return [(length - side) * number / (count - 1) for number in range(count)]


def _view(pixels: Pixels, window: Window) -> Pixels:
    """What the net sees of a window: [256, 256, 3], black beyond the edges of the picture."""
    height, width = pixels.shape[:2]
    left, right = max(0, round(window.x)), min(width, round(window.x + window.side))
    top, bottom = max(0, round(window.y)), min(height, round(window.y + window.side))
    size, scale = anchors.INPUT_PX, anchors.INPUT_PX / window.side
    x0, x1 = (round((edge - window.x) * scale) for edge in (left, right))
    y0, y1 = (round((edge - window.y) * scale) for edge in (top, bottom))
    x0, y0 = min(x0, size - 1), min(y0, size - 1)
    x1, y1 = max(x0 + 1, min(x1, size)), max(y0 + 1, min(y1, size))
    part = resize(pixels[top:bottom, left:right], x1 - x0, y1 - y0)
    if part.shape == (size, size, 3):
        return part
    view = np.zeros((size, size, 3), np.uint8)
    view[y0:y1, x0:x1] = part
    return view


def _not_cut(faces: Array, window: Window, size: tuple[int, int]) -> Array:
    """Which faces do not cross an edge of the window inside the picture; another window shows those whole. [K]."""
    whole = np.ones(len(faces), bool)
    for axis, start in enumerate((window.x, window.y)):
        if start > 0:
            whole &= faces[:, 0, axis] >= start
        if start + window.side < size[axis]:
            whole &= faces[:, 1, axis] <= start + window.side
    return whole


def detection(face: Array, score: float) -> Detection:
    """The record of a face given as two corners and six points, [8, 2] in pixels."""
    corners = tuple(float(edge) for edge in face[:2].ravel())
    points = tuple((float(x), float(y)) for x, y in face[2:])
    return Detection(
        box=cast(tuple[float, float, float, float], corners), score=float(score), keypoints=cast(Any, points)
    )
