"""Lay the 478-point mesh over a face.

Source: the face mesh of arXiv:1907.06724 with the attention of arXiv:2006.10962, as trained by MediaPipe. The order
of the points is MediaPipe's: 0 to 467 the face, 468 to 472 the right iris, 473 to 477 the left one.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nobodies.vision import nets
from nobodies.vision.pictures import Pixels, check_pixels
from nobodies.vision.results import Detection, Landmarks
from nobodies.vision.warp import cut, invert, move, scale_of, square

Array = npt.NDArray[Any]

RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
_ROOM = 1.5
"""Side of what the net sees, as a multiple of the face's box."""


def find_landmarks(pixels: Pixels, face: Detection, *, refinements: int = 1) -> Landmarks:
    """Fit the mesh to a detected face.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        face: where it is.
        refinements: how often to look again, at the square that the mesh itself suggests. One takes out most of the
            detector's own error; more change little.

    Returns:
        The mesh, in pixels of the picture.

    Raises:
        ShapeError: `pixels` is not such an array.
    """
    check_pixels(pixels)
    box = np.array(face.box).reshape(2, 2)
    mesh = fit_mesh(pixels, _square(box, np.array(face.keypoints[:2])))
    for _ in range(refinements):
        mesh = fit_mesh(pixels, mesh_square(mesh))
    return mesh


def mesh_square(mesh: Landmarks, shift: tuple[float, float] = (0.0, 0.0)) -> Array:
    """The transform to the net's upright square around a mesh, moved by a share of its side if wanted. [2, 3]."""
    xy = mesh.points[:468, :2].astype(np.float64)
    box = np.stack([xy.min(axis=0), xy.max(axis=0)])
    box = box + np.array(shift) * (box[1] - box[0]).max()
    return _square(box, xy[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER]])


def fit_mesh(pixels: Pixels, transform: Array) -> Landmarks:
    """Fit the mesh to what a transform shows of the picture.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        transform: from the picture to the net's square, [2, 3].
    """
    net = nets.shipped("landmarks")
    answer = net(cut(pixels, transform, net.size_px))
    points = answer["points"][0].astype(np.float64)
    back = invert(transform)
    whole = np.concatenate([move(back, points[:, :2]), points[:, 2:] * scale_of(back)], axis=1)
    return Landmarks(points=whole.astype(np.float32), presence=float(answer["presence"].item()))


def _square(box: Array, eyes: Array) -> Array:
    """The transform to the net's upright square around a box, turned so that the eyes are level."""
    right_to_left = eyes[1] - eyes[0]
    angle = float(np.arctan2(right_to_left[1], right_to_left[0]))
    side = max(float((box[1] - box[0]).max()), 1.0) * _ROOM
    return square(box.mean(axis=0), side, angle, nets.shipped("landmarks").size_px)
