"""Cut an upright, scaled piece out of a picture.

A transform is a matrix [2, 3] that takes a point of the picture, in pixels from its top left corner, to a point of
the piece, in the same convention. All transforms here are similarities: turn, scale and shift, never shear.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nobodies.vision.pictures import Pixels

Array = npt.NDArray[Any]


def fit_similarity(source: Array, target: Array) -> Array:
    """The similarity that brings one set of points nearest to another.

    Args:
        source: [N, 2].
        target: [N, 2].

    Returns:
        [2, 3].

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * signs) @ vt
    scale = (singular * signs).sum() / max(float((a**2).sum()), 1e-12)
    linear = scale * rotation
    return np.hstack([linear, (target_mean - linear @ source_mean)[:, None]])


def square(centre: Array, side: float, angle: float, size_px: int) -> Array:
    """The transform that shows a turned square of the picture upright.

    Args:
        centre: of the square, [2].
        side: of the square, in pixels.
        angle: of its upper edge against the picture's, in radians, clockwise as seen.
        size_px: side of the piece.

    Returns:
        [2, 3].
    """
    scale = size_px / side
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    return np.hstack([linear, (size_px / 2 - linear @ centre)[:, None]])


def invert(transform: Array) -> Array:
    """The transform back, [2, 3]."""
    linear = np.linalg.inv(transform[:, :2])
    return np.hstack([linear, -linear @ transform[:, 2:]])


def move(transform: Array, points: Array) -> Array:
    """Points [N, 2] through a transform."""
    moved: Array = points @ transform[:, :2].T + transform[:, 2]
    return moved


def scale_of(transform: Array) -> float:
    """How many pixels of the result one pixel of the source becomes, along a line."""
    return float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))


def cut(
    pixels: Pixels, transform: Array, size_px: int, *, resample: Image.Resampling = Image.Resampling.BILINEAR
) -> Pixels:
    """Render the piece that a transform describes. Beyond the edges of the picture its last pixels go on.

    Args:
        pixels: [H, W, 3].
        transform: [2, 3].
        size_px: side of the piece.
        resample: how to interpolate; whatever is chosen, reductions are averaged first and do not alias.

    Returns:
        [size_px, size_px, 3].
    """
    back = invert(transform)
    factor = max(1, round(0.8 / scale_of(transform)))
    part, origin = _neighbourhood(pixels, back, size_px, factor)
    linear, shift = back[:, :2] / factor, (back[:, 2] - origin) / factor
    coefficients = (*linear[0], shift[0], *linear[1], shift[1])
    piece = Image.fromarray(part).transform(
        (size_px, size_px), Image.Transform.AFFINE, tuple(map(float, coefficients)), resample
    )
    return np.asarray(piece)


def _neighbourhood(pixels: Pixels, back: Array, size_px: int, factor: int) -> tuple[Pixels, Array]:
    """What of the picture is needed, reduced by `factor` and continued over its edges; and where it starts."""
    corners = move(back, size_px * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    margin = 3 * factor
    low = np.floor(corners.min(axis=0)).astype(int) - margin
    high = np.ceil(corners.max(axis=0)).astype(int) + margin
    size = np.array([pixels.shape[1], pixels.shape[0]])
    start = np.clip(low, 0, size - 1)
    stop = np.clip(high, start + 1, size)
    part = pixels[start[1] : stop[1], start[0] : stop[0]]
    if factor > 1:
        part = np.asarray(Image.fromarray(part).reduce(factor))
    before = -((low - start) // factor)
    after = -((stop - high) // factor)
    widths = [(max(0, int(before[axis])), max(0, int(after[axis]))) for axis in (1, 0)]
    if any(map(any, widths)):
        part = np.pad(part, [*widths, (0, 0)], mode="edge")
    return part, start - np.array([widths[1][0], widths[0][0]]) * factor
