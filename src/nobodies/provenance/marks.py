"""Writing a picture with all its marks, in the one order in which they do not break each other.

First the watermark, at the size that is written, since it lies in the pixels; then the file with its XMP packet; last
the signature, over all of it. (The IPTC advises XMP before signing.)
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image

from nobodies.imaging import CODECS, encode
from nobodies.provenance import c2pa
from nobodies.provenance.watermark import Kind, Message, embed
from nobodies.provenance.xmp import packet
from nobodies.settings import MarkSettings, PictureFormat

_NOT_OF_THE_FACE = ("format", "size_px", "quality", "watermark")


def encode_marked(
    image: Image.Image,
    recipe: Mapping[str, Any],
    *,
    format: PictureFormat = "jpeg",
    quality: int | None = None,
    marks: MarkSettings | None = None,
) -> bytes:
    """Encode a picture, marked as generated.

    Args:
        image: L, RGB or RGBA, at the size at which it is written. Where it is transparent there is no watermark.
        recipe: what made it, in JSON values.
        format: file format.
        quality: as for `imaging.encode`.
        marks: which marks; all that can be made if None.

    Returns:
        The file. Without a signature, the same arguments give the same bytes; a signature holds random numbers.

    Raises:
        SettingError: quality, format or the picture's mode do not fit.
        DependencyError: a signature is asked for and cannot be made.
    """
    marks = marks or MarkSettings()
    signed = c2pa.wanted(marks.c2pa)
    if marks.watermark != "off":
        image = embed(image, message_of(recipe, marks))
    data = encode(image, format=format, quality=quality, xmp=packet_of(recipe, marks))
    return c2pa.sign(data, CODECS[format].media_type) if signed else data


def message_of(recipe: Mapping[str, Any], marks: MarkSettings) -> Message:
    """Give what the watermark of a picture says: its seed, or a checksum of its recipe."""
    seed = recipe.get("seed")
    if marks.watermark == "seed" and isinstance(seed, int):
        return Message(Kind.SEED, seed)
    return Message(Kind.DIGEST, digest_of(recipe))


def digest_of(recipe: Mapping[str, Any]) -> int:
    """Give 64 bits that stand for a face: the same for all files of it, of whatever size and format."""
    face = {key: value for key, value in recipe.items() if key not in _NOT_OF_THE_FACE}
    text = json.dumps(face, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def mark_recipe(marks: MarkSettings) -> dict[str, Any]:
    """Say which marks are in the pixels, in JSON values."""
    return {"watermark": marks.watermark}


def packet_of(recipe: Mapping[str, Any], marks: MarkSettings) -> bytes | None:
    """Give the XMP packet of a picture as far as the marks ask for one."""
    match marks.xmp:
        case "recipe":
            return packet(recipe)
        case "declaration":
            return packet(None)
        case "off":
            return None
