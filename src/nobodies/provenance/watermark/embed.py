"""Putting the mark into a picture."""

import hashlib
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from nobodies.errors import SettingError
from nobodies.provenance.watermark.code import protect
from nobodies.provenance.watermark.message import Message
from nobodies.provenance.watermark.pattern import TILE, TILES_PER_SIDE, tile_of

Float = NDArray[np.float32]

SMALLEST_PX: Final = 128
"""Pictures with a shorter side than this are too small to carry a mark."""

_BASE: Final = 0.6
"""Standard deviation of the mark where the picture is flat, grey levels."""
_PER_ACTIVITY: Final = 0.12
_MOST: Final = 3.0
_MOST_RMS: Final = 2.3
"""Cap of the mark's root mean square over the picture: 2.55 would be 40 dB."""
_RADIUS: Final = 3
_ACTIVITY_SCALE: Final = 8
_DITHER_SIDE: Final = 64
_FULL_SIZE_PX: Final = 512
_MOST_GAIN: Final = 1.6
"""A picture smaller than `_FULL_SIZE_PX` has fewer pixels to carry the mark: it is up to so much stronger there."""


def embed(image: Image.Image, message: Message) -> Image.Image:
    """Mark a picture, invisibly.

    Args:
        image: L, RGB or RGBA, at the size at which it will be encoded.
        message: what the mark says.

    Returns:
        The marked picture, at least 40 dB from the one given; the same arguments give the same picture. Pixels that
        are wholly transparent stay as they are. A picture whose shorter side is under `SMALLEST_PX` comes back as it
        is.

    Raises:
        SettingError: it is of another mode.
    """
    if image.mode not in ("L", "RGB", "RGBA"):
        raise SettingError(f"a picture of mode {image.mode} cannot be marked: convert it to L, RGB or RGBA")
    if min(image.size) < SMALLEST_PX:
        return image
    if image.mode == "RGBA":
        return _embed_where_visible(image, message)
    size = grid_size(image.size, period_px(image.size))
    strength = _strength(image, size)
    mark = Image.fromarray(strength * _tiled(_tile(message), size)).resize(image.size, Image.Resampling.BICUBIC)
    levels = Image.fromarray(_rounded(np.asarray(mark)))
    return ImageChops.add(image, Image.merge(image.mode, [levels] * len(image.getbands())), offset=-128)


def _embed_where_visible(image: Image.Image, message: Message) -> Image.Image:
    colours, alpha = image.convert("RGB"), image.getchannel("A")
    visible = alpha.point([0] + [255] * 255)
    marked = Image.composite(embed(colours, message), colours, visible)
    marked.putalpha(alpha)
    return marked


def period_px(size: tuple[int, int]) -> float:
    """Side of the tile in a picture of `size`, in its pixels."""
    return max(min(size) / TILES_PER_SIDE, TILE)


def grid_size(size: tuple[int, int], period: float) -> tuple[int, int]:
    """Width and height of a picture when its tiles are scaled to TILE samples."""
    return round(size[0] * TILE / period), round(size[1] * TILE / period)


def activity(luma: Image.Image) -> Float:
    """How much happens around each sample: the mean distance from the local mean, grey levels.

    Args:
        luma: mode L.

    Returns:
        [H, W].
    """
    difference = ImageChops.difference(luma, luma.filter(ImageFilter.BoxBlur(_RADIUS)))
    scaled = difference.point([min(255, _ACTIVITY_SCALE * level) for level in range(256)])
    return np.asarray(scaled.filter(ImageFilter.BoxBlur(_RADIUS)), np.float32) / np.float32(_ACTIVITY_SCALE)


def strength_of(active: Float) -> Float:
    """How strong the mark may be where so much happens: more in hair and cloth than on plain skin."""
    strength: Float = np.minimum(np.float32(_BASE) + np.float32(_PER_ACTIVITY) * active, np.float32(_MOST))
    return strength


def _strength(image: Image.Image, size: tuple[int, int]) -> Float:
    luma = image.convert("L").resize(size, Image.Resampling.BOX)
    strength = strength_of(activity(luma))
    rms = float(np.sqrt(np.mean(strength * strength)))
    gain = min(max(1.0, (_FULL_SIZE_PX / min(image.size)) ** 0.5), _MOST_GAIN)
    return strength * np.float32(min(gain, _MOST_RMS / rms))


@lru_cache(maxsize=8)
def _tile(message: Message) -> Float:
    return tile_of(protect(message.bits()))


def _tiled(tile: Float, size: tuple[int, int]) -> Float:
    down, across = -(-size[1] // TILE), -(-size[0] // TILE)
    return np.tile(tile, (down, across))[: size[1], : size[0]]


@cache
def _thresholds() -> Float:
    """Dither, offsets in [0, 1): what is under one level is rounded right on average, and without a regular grid."""
    noise = np.frombuffer(hashlib.shake_256(b"nobodies dither").digest(_DITHER_SIDE**2), np.uint8)
    offsets: Float = (noise.reshape(_DITHER_SIDE, -1) + np.float32(0.5)) / np.float32(256)
    return offsets


def _rounded(mark: Float) -> NDArray[np.uint8]:
    """Round the mark to whole grey levels, around 128."""
    height, width = mark.shape
    repeats = (-(-height // _DITHER_SIDE), -(-width // _DITHER_SIDE))
    offsets = np.tile(_thresholds() + np.float32(128), repeats)[:height, :width]
    return (mark + offsets).astype(np.uint8)
