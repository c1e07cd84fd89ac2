"""Pictures as arrays, on their way into a net: checked, shrunk and cut without copying more than is needed."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nobodies.errors import ShapeError

Pixels = npt.NDArray[np.uint8]

_STRIP_PIXELS = 4_000_000


def check_pixels(pixels: Any) -> Pixels:
    """Return `pixels`, known to be a picture.

    Raises:
        ShapeError: it is not uint8 [H, W, 3] with at least one pixel.
    """
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        shape = f"{pixels.dtype} {list(pixels.shape)}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise ShapeError(f"a picture is uint8 [H, W, 3] RGB, got {shape}: read files with nobodies.imaging.decode")
    if 0 in pixels.shape:
        raise ShapeError(f"the picture has no pixels: its shape is {list(pixels.shape)}")
    return pixels


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize with a filter as wide as the reduction asks, so that small faces do not alias.

    Args:
        pixels: [H, W, 3].
        width: of the result, in pixels.
        height: of the result, in pixels.

    Returns:
        [height, width, 3].
    """
    factor = min(pixels.shape[1] // (2 * width), pixels.shape[0] // (2 * height))
    if factor > 1:
        pixels = _reduced(pixels, factor)
    shrinks = width < pixels.shape[1] and height < pixels.shape[0]
    resample = Image.Resampling.HAMMING if shrinks else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(pixels).resize((width, height), resample))


def _reduced(pixels: Pixels, factor: int) -> Pixels:
    """Mean over squares of `factor` pixels, in strips: Pillow holds four bytes a pixel, a large picture may not."""
    rows = max(1, _STRIP_PIXELS // pixels.shape[1] // factor) * factor
    strips = [pixels[top : top + rows] for top in range(0, pixels.shape[0], rows)]
    return np.concatenate([np.asarray(Image.fromarray(strip).reduce(factor)) for strip in strips])
