"""Reading pictures that somebody else made: bounded, upright, RGB, or refused with one line."""

import io
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from nobodies.errors import InputError

MOST_BYTES: Final = 256 << 20
MOST_PIXELS: Final = 120_000_000
FORMATS: Final = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is read. Pillow knows more; these have decoders that are fuzzed and in wide use."""


def read_pixels(
    source: Path | str | bytes, *, limit_bytes: int = MOST_BYTES, limit_pixels: int = MOST_PIXELS
) -> NDArray[np.uint8]:
    """Read a picture.

    Orientation noted by the camera (EXIF) is applied; transparency is laid on white; of an animation the first frame
    is taken; grey, palette, CMYK and 16-bit pictures become 8-bit RGB. Colour profiles are not applied.

    Args:
        source: a path, or the file's bytes.
        limit_bytes: refuse larger files.
        limit_pixels: refuse larger pictures, before they are decoded.

    Returns:
        RGB, [H, W, 3].

    Raises:
        InputError: there is no such file, it is too large, or it is no picture that can be read whole.
    """
    name = "the picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _file(Path(source), limit_bytes)
    if len(content) > limit_bytes:
        raise InputError(_too_large(name, len(content), limit_bytes))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata, and about sizes: those are judged here
            return _decode(content, name, limit_pixels)
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{name} does not fit into memory: make it smaller first") from None
    except Exception as error:
        # Pillow's decoders raise whatever a damaged file drives them to: OSError, ValueError, SyntaxError,
        # struct.error, KeyError and more. No error in a decoder is ours to tell apart.
        raise InputError(f"{name} is damaged or not a picture ({_reason(error)})") from error


def _file(path: Path, limit_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > limit_bytes:
        raise InputError(_too_large(str(path), path.stat().st_size, limit_bytes))
    return content


def _too_large(name: str, found: int, limit: int) -> str:
    return f"{name} has {found / 1e6:.0f} MB: pictures of up to {limit / 1e6:.0f} MB are read"


def _decode(content: bytes, name: str, limit_pixels: int) -> NDArray[np.uint8]:
    if not content:
        raise InputError(f"{name} is empty: give a picture")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise InputError(
            f"{name} is not a picture that can be read: give JPEG, PNG, WebP, AVIF, TIFF or GIF"
        ) from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{name} is larger than {limit_pixels / 1e6:.0f} megapixels: make it smaller first"
        ) from None
    with image:
        width, height = image.size
        if width * height > limit_pixels:
            raise InputError(
                f"{name} has {width} x {height} pixels: pictures of up to {limit_pixels / 1e6:.0f} megapixels are "
                "read; make it smaller first"
            )
        image.load()
        return np.array(_rgb(_upright(image)))


def _upright(image: Image.Image) -> Image.Image:
    """Apply the orientation of the EXIF data; damaged EXIF data has none."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # metadata is parsed by the same decoders as pixels, and is worth less
        return image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bit(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits as 8. Integers are taken as 0..65535, other numbers as 0..1 or, if larger, 0..255."""
    values: NDArray[Any] = np.nan_to_num(np.asarray(image, np.float32))
    number_scale = 255.0 if values.max(initial=0) <= 1 else 1.0
    scale = number_scale if image.mode == "F" else 255 / 65535
    return Image.fromarray(np.clip(values * scale + 0.5, 0, 255).astype(np.uint8))


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120] or type(error).__name__
