"""Pictures: encoding and decoding, resizing, contact sheets."""

from nobodies.imaging.encode import CODECS, Codec, encode, format_of, resize, xmp_of
from nobodies.imaging.sheet import contact_sheet

__all__ = ["CODECS", "Codec", "contact_sheet", "encode", "format_of", "resize", "xmp_of"]
