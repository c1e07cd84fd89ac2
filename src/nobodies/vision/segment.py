"""Cut people out of their background, with soft edges.

The net answers at 256 px. A guided filter carries its answer to the picture's own edges: within a small window the
mask is taken to be a linear function of the picture's lightness.

Source: the guided filter of He, Sun and Tang, arXiv:1505.00996 (the fast form, whose coefficients are computed small
and applied at full size); the net is MediaPipe's selfie segmentation.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageFilter

from nobodies.errors import SettingError
from nobodies.vision import nets
from nobodies.vision.pictures import Pixels, check_pixels, resize

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.float32]

_GUIDE_PX = 512
"""Longer side at which the coefficients are computed."""
_RADIUS_SHARE = 1 / 64
_EPSILON = 1e-3
_BLUR_SHARE = 1 / 40


def person_mask(pixels: Pixels) -> Mask:
    """How much of each pixel belongs to a person.

    Args:
        pixels: uint8 [H, W, 3], RGB.

    Returns:
        [H, W], 0 to 1.

    Raises:
        ShapeError: `pixels` is not such an array.
    """
    height, width = check_pixels(pixels).shape[:2]
    net = nets.shipped("person")
    rough = net(resize(pixels, net.size_px, net.size_px))["mask"][0, :, :, 0]
    scale = min(1.0, _GUIDE_PX / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    guide = _lightness(resize(pixels, *small))
    slope, offset = _linear_fit(guide, _stretched(rough, *small), max(1, round(max(small) * _RADIUS_SHARE)))
    mask = _stretched(slope, width, height) * _lightness(pixels) + _stretched(offset, width, height)
    return np.asarray(np.clip(mask, 0, 1), np.float32)


def cut_out(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Make everything but people transparent.

    Args:
        pixels: uint8 [H, W, 3], RGB.

    Returns:
        RGBA, [H, W, 4].

    Raises:
        ShapeError: `pixels` is not such an array.
    """
    alpha = np.round(person_mask(pixels) * 255).astype(np.uint8)
    return np.dstack([pixels, alpha])


def on_colour(pixels: Pixels, colour: str) -> Pixels:
    """Put people before a plain colour.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        colour: a name or a code as in CSS, such as "white" or "#4a90d9".

    Returns:
        RGB, [H, W, 3].

    Raises:
        SettingError: that is no colour.
        ShapeError: `pixels` is not such an array.
    """
    try:
        rgb = ImageColor.getrgb(colour)[:3]
    except ValueError:
        raise SettingError(f"'{colour}' is no colour: give a name or a code such as '#4a90d9'") from None
    return _before(pixels, np.array(rgb, np.float32))


def on_blur(pixels: Pixels, *, strength: float = 1.0) -> Pixels:
    """Put people before their own background, blurred.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        strength: 1 blurs by a fortieth of the longer side; 0.1 to 4.

    Returns:
        RGB, [H, W, 3].

    Raises:
        SettingError: `strength` is out of range.
        ShapeError: `pixels` is not such an array.
    """
    if not 0.1 <= strength <= 4:
        raise SettingError(f"strength is {strength}: it must be between 0.1 and 4")
    radius = max(check_pixels(pixels).shape[:2]) * _BLUR_SHARE * strength
    blurred = Image.fromarray(pixels).filter(ImageFilter.BoxBlur(radius)).filter(ImageFilter.BoxBlur(radius))
    return _before(pixels, np.asarray(blurred, np.float32))


def _before(pixels: Pixels, background: Array) -> Pixels:
    mask = person_mask(pixels)[..., None]
    mixed = background + mask * (pixels.astype(np.float32) - background)
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)


def _linear_fit(guide: Array, target: Array, radius: int) -> tuple[Array, Array]:
    """Slope and offset, [H, W] each, by which the guide explains the target around each pixel."""
    mean_guide, mean_target = _mean_around(guide, radius), _mean_around(target, radius)
    covariance = _mean_around(guide * target, radius) - mean_guide * mean_target
    variance = _mean_around(guide * guide, radius) - mean_guide**2
    slope = covariance / (variance + _EPSILON)
    return _mean_around(slope, radius), _mean_around(mean_target - slope * mean_guide, radius)


def _mean_around(values: Array, radius: int) -> Array:
    """Mean over the square of `2 * radius + 1` pixels around each; edges go on. [H, W]."""
    mean: Array = values
    for axis in (0, 1):
        widths = [(radius + 1, radius) if each == axis else (0, 0) for each in (0, 1)]
        total = np.cumsum(np.pad(mean, widths, mode="edge"), axis=axis, dtype=np.float64)
        size = 2 * radius + 1
        ends = (
            np.take(total, range(size, total.shape[axis]), axis),
            np.take(total, range(total.shape[axis] - size), axis),
        )
        mean = (ends[0] - ends[1]) / size
    return mean


def _lightness(pixels: Pixels) -> Mask:
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    return grey * np.float32(1 / 255)


def _stretched(values: Array, width: int, height: int) -> Mask:
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
