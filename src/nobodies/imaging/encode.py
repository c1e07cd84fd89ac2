"""Encoding pictures: jpeg, png, webp and avif, with settings chosen by measurement (docs/results.md)."""

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from PIL import Image, PngImagePlugin

from nobodies.errors import SettingError
from nobodies.settings import PictureFormat


@dataclass(frozen=True, slots=True)
class Codec:
    """How one file format is written."""

    pillow_name: str
    suffix: str
    media_type: str
    default_quality: int | None
    """None: the format is lossless and takes no quality."""
    options: Mapping[str, Any] = field(default_factory=dict)


CODECS: Final[Mapping[PictureFormat, Codec]] = {
    "jpeg": Codec("JPEG", ".jpg", "image/jpeg", 90),
    # Run lengths only: five times faster than Pillow's default, for a file 5% larger. Faces have few longer repeats.
    "png": Codec("PNG", ".png", "image/png", None, {"compress_level": 1, "compress_type": zlib.Z_RLE}),
    "webp": Codec("WEBP", ".webp", "image/webp", 90, {"method": 2}),
    "avif": Codec("AVIF", ".avif", "image/avif", 80, {"speed": 9}),
}

_SUFFIXES: Final[Mapping[str, PictureFormat]] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".avif": "avif",
}


def format_of(path: Path) -> PictureFormat:
    """Tell the format from a file's name.

    Raises:
        SettingError: the name ends in none of the known suffixes.
    """
    try:
        return _SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise SettingError(f"'{path.name}' names no picture format: end it with {', '.join(_SUFFIXES)}") from None


def encode(
    image: Image.Image, *, format: PictureFormat = "jpeg", quality: int | None = None, xmp: bytes | None = None
) -> bytes:
    """Encode a picture.

    Args:
        image: RGB, grey (L), or RGBA where the format has transparency (all but jpeg).
        format: file format.
        quality: 1 to 100; the format's own default if None. Not for png.
        xmp: a packet of metadata to put into the file.

    Returns:
        The file.

    Raises:
        SettingError: a quality for png, or transparency for jpeg.
    """
    codec = CODECS[format]
    if quality is not None and codec.default_quality is None:
        raise SettingError(f"{format} is lossless and takes no quality: leave it out or choose another format")
    if format == "jpeg" and image.mode not in ("RGB", "L"):
        raise SettingError(f"jpeg cannot hold a picture of mode {image.mode}: choose png, webp or avif")
    options = dict(codec.options)
    if codec.default_quality is not None:
        options["quality"] = quality or codec.default_quality
    if xmp is not None:
        options |= _with_xmp(format, xmp)
    file = io.BytesIO()
    image.save(file, codec.pillow_name, **options)
    return file.getvalue()


def _with_xmp(format: PictureFormat, xmp: bytes) -> dict[str, Any]:
    if format != "png":
        return {"xmp": xmp}
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return {"pnginfo": info}


def xmp_of(image: Image.Image) -> bytes | None:
    """Give the packet of metadata that a file carries, or None. Decodes no pixels."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    return packet.encode() if isinstance(packet, str) else cast("bytes | None", packet)


def resize(image: Image.Image, size_px: int) -> Image.Image:
    """Scale a square picture down to `size_px`; the same picture if it has that size.

    A whole fraction of the side is the mean of squares of pixels, a tenth of the time of the Lanczos filter and 47 dB
    from it; anything else goes through that filter.
    """
    side = image.width
    if side == size_px:
        return image
    if side % size_px == 0:
        return image.reduce(side // size_px)
    return image.resize((size_px, size_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
