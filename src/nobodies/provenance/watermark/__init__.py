"""The invisible watermark: a message of 64 bits in the picture itself, which outlives its metadata."""

from nobodies.provenance.watermark.detect import Detection, detect
from nobodies.provenance.watermark.embed import SMALLEST_PX, embed
from nobodies.provenance.watermark.message import Kind, Message

__all__ = ["SMALLEST_PX", "Detection", "Kind", "Message", "detect", "embed"]
