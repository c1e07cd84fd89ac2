"""The crop in which FFHQ shows its faces: eyes and mouth at the same place and size in every picture.

Source: appendix C of "Progressive growing of GANs", arXiv:1710.10196, and section A of StyleGAN, arXiv:1812.04948;
written from the description.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from nobodies.errors import SettingError
from nobodies.vision.geometry import MOUTH_CORNERS, eye_centres
from nobodies.vision.pictures import Pixels, check_pixels
from nobodies.vision.results import Landmarks
from nobodies.vision.warp import cut, invert, move, square

Array = npt.NDArray[Any]

_MOST_SIZE_PX = 2048
_BLUR_SHARE = 0.02  # standard deviation of the blur, as a share of the crop's side
_BLUR_WITHIN = 0.05  # how far beyond the picture the blur is complete
_FADE_WITHIN = 0.4  # how far beyond the picture nothing but the median colour is left


@dataclass(frozen=True, slots=True)
class Crop:
    """A turned square of a picture."""

    centre: tuple[float, float]
    side: float
    angle: float
    """Of its upper edge, in radians, clockwise as seen."""


def ffhq_crop(mesh: Landmarks) -> Crop:
    """Where FFHQ would crop this face.

    The square's x axis is the mean of the line through the eyes and the normal of the line from eyes to mouth; its
    side the larger of 4 times the distance of the eyes and 3.6 times that from eyes to mouth; its centre a tenth of
    the way from eyes to mouth.
    """
    right, left = eye_centres(mesh).astype(np.float64)
    eyes = (right + left) / 2
    mouth = mesh.points[list(MOUTH_CORNERS), :2].astype(np.float64).mean(axis=0)
    across, down = left - right, mouth - eyes
    axis = across + np.array([down[1], -down[0]])
    side = max(4.0 * np.hypot(*across), 3.6 * np.hypot(*down), 1.0)
    centre = eyes + 0.1 * down
    return Crop((float(centre[0]), float(centre[1])), float(side), float(np.arctan2(axis[1], axis[0])))


def align(pixels: Pixels, mesh: Landmarks, *, size_px: int = 1024) -> Pixels:
    """Cut a face out as FFHQ does.

    What the crop needs beyond the edges of the picture is its mirror image, more and more blurred and fading into
    the picture's median colour, as in FFHQ.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        mesh: of the face.
        size_px: side of the result, 16 to 2048.

    Returns:
        [size_px, size_px, 3].

    Raises:
        SettingError: `size_px` is out of range.
        ShapeError: `pixels` is not such an array.
    """
    check_pixels(pixels)
    if not 16 <= size_px <= _MOST_SIZE_PX:
        raise SettingError(f"size_px is {size_px}: it must be between 16 and {_MOST_SIZE_PX}")
    crop = ffhq_crop(mesh)
    transform = square(np.array(crop.centre), crop.side, crop.angle, size_px)
    return _cut_mirrored(pixels, crop, transform, size_px)


def _cut_mirrored(pixels: Pixels, crop: Crop, transform: Array, size_px: int) -> Pixels:
    corners = move(invert(transform), size_px * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    size = np.array([pixels.shape[1], pixels.shape[0]])
    if (low >= 0).all() and (high <= size).all():
        return cut(pixels, transform, size_px, resample=Image.Resampling.BICUBIC)
    factor = max(1, round(0.8 * crop.side / size_px))
    start = np.clip(low, 0, size - 1)
    stop = np.clip(high, start + 1, size)
    part = np.asarray(Image.fromarray(pixels[start[1] : stop[1], start[0] : stop[0]]).reduce(factor))
    before, after = -((low - start) // factor), -((stop - high) // factor)
    wider = _continued(part, np.maximum(before, 0), np.maximum(after, 0), crop.side / factor)
    origin = start - np.maximum(before, 0) * factor
    return cut(wider, _from_part(transform, origin, factor), size_px, resample=Image.Resampling.BICUBIC)


def _from_part(transform: Array, origin: Array, factor: int) -> Array:
    """The transform for a part of the picture that starts at `origin` and is reduced by `factor`."""
    linear = transform[:, :2]
    return np.hstack([linear * factor, (transform[:, 2] + linear @ origin)[:, None]])


def _continued(part: Pixels, before: Array, after: Array, side: float) -> Pixels:
    """A picture and its mirror images around it, blurred, and faded into the median colour, with the distance.

    Args:
        part: [H, W, 3].
        before: pixels to add to the left and on top, [2].
        after: pixels to add to the right and at the bottom, [2].
        side: of the crop, by which blur and fading are scaled.
    """
    mirrored = np.pad(part, [(before[1], after[1]), (before[0], after[0]), (0, 0)], mode="reflect")
    beyond_x, beyond_y = (
        np.pad(np.zeros(length), (before[axis], after[axis]), "linear_ramp", end_values=(before[axis], after[axis]))
        for axis, length in ((0, part.shape[1]), (1, part.shape[0]))
    )
    beyond = np.hypot(beyond_y[:, None], beyond_x[None]).astype(np.float32)[..., None] / side
    blurred = np.asarray(Image.fromarray(mirrored).filter(ImageFilter.GaussianBlur(side * _BLUR_SHARE)), np.float32)
    soft = np.minimum(beyond / _BLUR_WITHIN, 1)
    plain = np.minimum(beyond / _FADE_WITHIN, 1)
    mixed = mirrored + soft * (blurred - mirrored)
    mixed += plain * (np.median(part, axis=(0, 1)).astype(np.float32) - mixed)
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)
