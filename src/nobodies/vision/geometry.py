"""Measures taken from the mesh alone: head pose, openness of eyes and mouth, shape of the mouth."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nobodies.vision.results import Landmarks, Pose

Array = npt.NDArray[Any]

RIGHT_EYE_RIM = (33, 160, 158, 133, 153, 144)
"""Outer corner, two points above, inner corner, two points below."""
LEFT_EYE_RIM = (362, 385, 387, 263, 373, 380)
"""Inner corner, two points above, outer corner, two points below."""
MOUTH_CORNERS = (61, 291)
_INNER_LIPS = (13, 14, 78, 308)  # upper, lower, right corner, left corner
_CHEEKS = (234, 454)  # at the right and the left ear
_FOREHEAD, _CHIN = 10, 152


def head_pose(mesh: Landmarks) -> Pose:
    """Angles of the head against the camera, from the mesh's depth."""
    points = mesh.points.astype(np.float64)
    across = _unit(points[_CHEEKS[1]] - points[_CHEEKS[0]])
    down = points[_CHIN] - points[_FOREHEAD]
    forward = _unit(np.cross(across, down))
    down = np.cross(forward, across)
    yaw = np.arctan2(across[2], np.hypot(across[0], across[1]))
    pitch = np.arcsin(np.clip(-down[2], -1, 1))
    roll = np.arctan2(across[1], across[0])
    yaw, pitch, roll = np.degrees([yaw, pitch, roll])
    return Pose(yaw=float(yaw), pitch=float(pitch), roll=float(roll))


def eye_openness(mesh: Landmarks) -> tuple[float, float]:
    """Height of the right and the left eye over its width: about 0.3 open, under 0.15 shut.

    Source: the eye aspect ratio of Soukupová and Čech, "Real-time eye blink detection using facial landmarks", 2016.
    """
    return _aspect(mesh.points[list(RIGHT_EYE_RIM)]), _aspect(mesh.points[list(LEFT_EYE_RIM)])


def mouth_openness(mesh: Landmarks) -> float:
    """Gap between the lips over the width of the mouth: 0 shut, about 1 wide open."""
    upper, lower, right, left = mesh.points[list(_INNER_LIPS), :2]
    return float(_length(upper - lower) / max(_length(right - left), 1e-6))


def mouth_shape(mesh: Landmarks) -> tuple[float, float]:
    """Width of the mouth, and how far its corners lie above its middle, both over the distance of the eyes."""
    xy = mesh.points[:, :2].astype(np.float64)
    eyes = max(_length(xy[33] - xy[263]), 1e-6)
    right, left = xy[list(MOUTH_CORNERS)]
    middle = (xy[_INNER_LIPS[0]] + xy[_INNER_LIPS[1]]) / 2
    down = _unit(xy[_CHIN] - xy[_FOREHEAD])
    return _length(left - right) / eyes, float((middle - (right + left) / 2) @ down) / eyes


def eye_centres(mesh: Landmarks) -> Array:
    """Middles of the rims of the right and the left eye, [2, 2]."""
    return np.stack([mesh.points[list(rim), :2].mean(axis=0) for rim in (RIGHT_EYE_RIM, LEFT_EYE_RIM)])


def _aspect(rim: Array) -> float:
    corner, above_1, above_2, other, below_2, below_1 = rim[:, :2]
    heights = _length(above_1 - below_1) + _length(above_2 - below_2)
    return float(heights / max(2 * _length(corner - other), 1e-6))


def _length(vector: Array) -> float:
    return float(np.linalg.norm(vector))


def _unit(vector: Array) -> Array:
    unit: Array = vector / max(_length(vector), 1e-12)
    return unit
