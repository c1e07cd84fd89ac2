"""The pieces of a face that the nets were trained on, each cut by its makers' rule."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nobodies.vision.geometry import eye_centres
from nobodies.vision.pictures import Pixels
from nobodies.vision.results import Landmarks
from nobodies.vision.warp import cut, fit_similarity, move, scale_of, square

Array = npt.NDArray[Any]

_DLIB_POINTS = (263, 362, 33, 133, 2)
"""Outer and inner corner of the left eye, of the right eye, base of the nose."""
_DLIB_PLACES = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
"""Where dlib puts them in a chip without padding."""


def dlib_chip(pixels: Pixels, mesh: Landmarks, size_px: int, *, padding: float) -> Pixels:
    """The face chip of dlib, by five points.

    Args:
        pixels: [H, W, 3].
        mesh: of the face.
        size_px: side of the result.
        padding: margin on each side, as a share of the chip without it.

    Returns:
        [size_px, size_px, 3].

    Source: `get_face_chip_details` of dlib.
    """
    places = (_DLIB_PLACES + padding) / (2 * padding + 1) * size_px
    points = mesh.points[list(_DLIB_POINTS), :2].astype(np.float64)
    return cut(pixels, fit_similarity(points, places), size_px)


def face_box(pixels: Pixels, mesh: Landmarks, size_px: int, *, room: float = 1.1, up: float = 0.03) -> Pixels:
    """An upright square around the mesh.

    Args:
        pixels: [H, W, 3].
        mesh: of the face.
        size_px: side of the result.
        room: side of the square, as a multiple of the mesh's longer side.
        up: how far to shift the square up, as a share of its side.

    Returns:
        [size_px, size_px, 3].
    """
    xy = mesh.points[:468, :2].astype(np.float64)
    level = square(np.zeros(2), 1.0, _level_angle(mesh), 1)
    turned = move(level, xy)
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = float((high - low).max()) * room
    middle = (low + high) / 2 - (0, up * side)
    return cut(pixels, _scaled(level, middle, size_px / side, size_px), size_px)


def eye_band(pixels: Pixels, mesh: Landmarks, size_px: int) -> Pixels:
    """An upright square around both eyes, with the rims of glasses."""
    return _around(pixels, mesh, eye_centres(mesh).mean(axis=0), size_px, room=1.25)


def lower_face(pixels: Pixels, mesh: Landmarks, size_px: int) -> Pixels:
    """An upright square around mouth, chin and jaw."""
    lips_and_chin = mesh.points[[61, 291, 152], :2].mean(axis=0)
    return _around(pixels, mesh, lips_and_chin, size_px, room=1.6)


def _around(pixels: Pixels, mesh: Landmarks, centre: Array, size_px: int, *, room: float) -> Pixels:
    """An upright square whose side is `room` times the distance of the outer eye corners (measured in space)."""
    right, left = mesh.points[33].astype(np.float64), mesh.points[263].astype(np.float64)
    side = max(float(np.linalg.norm(left - right)), 1.0) * room
    return cut(pixels, square(centre.astype(np.float64), side, _level_angle(mesh), size_px), size_px)


def _level_angle(mesh: Landmarks) -> float:
    """Angle of the line through the outer corners of the eyes, in radians, clockwise as seen."""
    right_to_left = mesh.points[263, :2] - mesh.points[33, :2]
    return float(np.arctan2(right_to_left[1], right_to_left[0]))


def _scaled(level: Array, middle: Array, scale: float, size_px: int) -> Array:
    """The transform `level`, scaled so that `middle` of its result comes to the middle of the piece."""
    factor = scale / scale_of(level)
    linear = level[:, :2] * factor
    shift = level[:, 2] * factor + size_px / 2 - middle * factor
    return np.hstack([linear, shift[:, None]])
