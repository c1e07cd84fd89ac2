"""XMP packets in GIF files, which Pillow neither writes nor reads.

Sources: the blocks of a GIF are those of the GIF89a specification (CompuServe, 1990); the application extension that
holds a packet, and the trailer that lets readers who expect sub-blocks find their way past it, are those of Adobe's
XMP Specification Part 3 (2020), section 1.1.2.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_HEADER_BYTES: Final = 13
_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_TRAILER: Final = b"\x3b"
_APPLICATION: Final = b"\x21\xff\x0bXMP DataXMP"
# Read as lengths of sub-blocks, any byte of the packet leads into these, and from there to the 0 that ends them.
_MAGIC: Final = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
_MOST_PACKET_BYTES: Final = 1 << 18
_MOST_BLOCKS: Final = 100_000


def append_xmp(path: Path, packet: bytes) -> None:
    """Put a packet at the end of a GIF file, in place.

    Args:
        path: a whole GIF.
        packet: UTF-8, without bytes of 0.
    """
    with path.open("r+b") as file:
        file.seek(-1, 2)
        assert file.read(1) == _TRAILER, "a GIF ends in its trailer"
        file.seek(-1, 2)
        file.write(_APPLICATION + packet + _MAGIC + _TRAILER)


def read_xmp(data: bytes) -> bytes | None:
    """Give the packet of a GIF; None if it has none or is damaged."""
    for start in _extensions(data):
        if data.startswith(_APPLICATION, start):
            begins = start + len(_APPLICATION)
            ends = data.find(_MAGIC, begins, begins + _MOST_PACKET_BYTES + len(_MAGIC))
            return data[begins:ends] if ends >= 0 else None
    return None


def _extensions(data: bytes) -> Iterator[int]:
    """Give the place of each extension block."""
    place = _HEADER_BYTES + _table_bytes(data, 10)
    for _ in range(_MOST_BLOCKS):
        if place + 10 > len(data):
            return
        if data[place] == _EXTENSION:
            yield place
            place = _behind_blocks(data, place + 2)
        elif data[place] == _IMAGE:
            place = _behind_blocks(data, place + 11 + _table_bytes(data, place + 9))
        else:
            return


def _table_bytes(data: bytes, flags_at: int) -> int:
    """Give the size of the colour table that a byte of flags announces."""
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _behind_blocks(data: bytes, place: int) -> int:
    while place < len(data) and data[place]:
        place += 1 + data[place]
    return place + 1
