"""Whether a picture of a face is sound, so that a faulty portrait can be turned away."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nobodies.vision.align import ffhq_crop
from nobodies.vision.landmarks import fit_mesh, mesh_square
from nobodies.vision.pictures import Pixels, check_pixels
from nobodies.vision.results import Landmarks, Quality
from nobodies.vision.warp import cut, square

Array = npt.NDArray[Any]

_CROP_PX = 256
_BLURRED_ENERGY, _SHARP_ENERGY = 2.5, 240.0  # medians of generated faces, blurred by 4 px of 512, and as they come
_BLACK, _WHITE = 12, 243
_SHIFT_SHARE = 0.06
_STEADY, _UNSTEADY = 0.01, 0.06  # mean movement of the points, as a share of the distance of the eyes


def measure_quality(pixels: Pixels, mesh: Landmarks, *, num_faces: int) -> Quality:
    """Judge the picture of one face.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        mesh: of the face.
        num_faces: faces found in the picture.

    Raises:
        ShapeError: `pixels` is not such an array.
    """
    height, width = check_pixels(pixels).shape[:2]
    crop = ffhq_crop(mesh)
    face = cut(pixels, square(np.array(crop.centre), crop.side * 0.6, crop.angle, _CROP_PX), _CROP_PX)
    grey = face.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    inside = (mesh.points[:, :2] >= 0) & (mesh.points[:, :2] <= (width, height))
    return Quality(
        sharpness=_sharpness(grey),
        exposure=float(((grey > _BLACK) & (grey < _WHITE)).mean()),
        whole=float(inside.all(axis=1).mean()),
        plausible=_steadiness(pixels, mesh) * mesh.presence,
        num_faces=num_faces,
    )


def _sharpness(grey: Array) -> float:
    """Energy of the Laplacian at equal contrast, on a logarithmic scale from blurred to sharp.

    Source: the modified Laplacian as a focus measure, Nayar and Nakagawa, "Shape from focus", 1994.
    """
    centre = grey[1:-1, 1:-1]
    across = np.abs(2 * centre - grey[1:-1, :-2] - grey[1:-1, 2:])
    down = np.abs(2 * centre - grey[:-2, 1:-1] - grey[2:, 1:-1])
    contrast = max(float(grey.std()), 8.0) / 50
    energy = max(float(np.mean((across + down) ** 2)) / contrast**2, 1e-6)
    return float(np.clip(np.log(energy / _BLURRED_ENERGY) / np.log(_SHARP_ENERGY / _BLURRED_ENERGY), 0, 1))


def _steadiness(pixels: Pixels, mesh: Landmarks) -> float:
    """How little the mesh moves when the net looks from a little to the side.

    On a sound face it settles on the same points; on half a face, a deformed one, or none it wanders.
    """
    eyes = max(float(np.linalg.norm(mesh.points[33, :2] - mesh.points[263, :2])), 1.0)
    again = fit_mesh(pixels, mesh_square(mesh, (_SHIFT_SHARE, _SHIFT_SHARE)))
    moved = np.linalg.norm(again.points[:468, :2] - mesh.points[:468, :2], axis=1)
    wander = float(np.mean(moved)) / eyes
    return float(np.clip((_UNSTEADY - wander) / (_UNSTEADY - _STEADY), 0, 1))
