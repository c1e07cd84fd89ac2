"""Films with all their marks, and what is looked at to find them again.

Each picture of a film carries the watermark, so that any one of them is enough; the file carries the XMP packet and,
where its kind has a place for one, the signed manifest over all of it.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.errors import SettingError
from nobodies.files import replacing
from nobodies.imaging.animation import require_animation, write_animation
from nobodies.provenance import c2pa
from nobodies.provenance.marks import message_of, packet_of
from nobodies.provenance.watermark import Message, detect, embed
from nobodies.settings import MarkSettings

Pixels = NDArray[np.uint8]

_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""Kinds of film that can hold a C2PA manifest. Matroska, and with it webm, is in no version of that standard."""
_LOOKED_AT: Final = (0, 10, 50, 100, 250)
_LONGEST_PX: Final = 2048
_QUICKTIME: Final = b"qt  "
_STILL: Final = (b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"hevc")
_MATROSKA: Final = b"\x1a\x45\xdf\xa3"


def write_marked_animation(
    path: Path,
    pictures: Iterable[Pixels],
    recipe: Mapping[str, Any],
    *,
    rate_fps: float,
    loop: bool = True,
    marks: MarkSettings | None = None,
) -> int:
    """Write pictures one after the other, marked as generated. The file takes its name when it is complete.

    Args:
        path: its suffix chooses the kind; see `imaging.animation.SUFFIXES`.
        pictures: RGB [H, W, 3], all of one size, taken one by one.
        recipe: what made them, in JSON values.
        rate_fps: pictures a second.
        loop: play again and again; for gif and webp.
        marks: which marks; all that this kind of file can hold if None.

    Returns:
        How many pictures were written.

    Raises:
        SettingError: the suffix is not known, a manifest is asked for that it cannot hold, or there is no picture.
        DependencyError: what writes videos, or a manifest that is asked for, is missing.
        OutputError: the file cannot be written.
    """
    marks = marks or MarkSettings()
    require_marked(path, marks)
    message = None if marks.watermark == "off" else message_of(recipe, marks)
    marked = pictures if message is None else _watermarked(pictures, message)
    xmp, media_type = packet_of(recipe, marks), _MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None or not c2pa.wanted(marks.c2pa):
        return write_animation(path, marked, rate_fps=rate_fps, loop=loop, xmp=xmp)
    unsigned = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        count = write_animation(unsigned, marked, rate_fps=rate_fps, loop=loop, xmp=xmp)
        with replacing(path) as part, unsigned.open("rb") as source, part.open("r+b") as out:
            c2pa.sign_stream(source, out, media_type)
    finally:
        unsigned.unlink(missing_ok=True)
    return count


def require_marked(path: Path, marks: MarkSettings) -> None:
    """Make sure, before any work, that a film of this name can be written with these marks.

    Raises:
        SettingError: its suffix is not known, or a manifest is asked for and its kind can hold none.
        DependencyError: what writes it, or signs it, is missing.
    """
    require_animation(path)
    c2pa.wanted(marks.c2pa)
    if marks.c2pa == "on" and path.suffix.lower() not in _MEDIA_TYPES:
        raise SettingError(
            f"c2pa is 'on', and {path.suffix} files hold no manifest: end the name with {', '.join(_MEDIA_TYPES)}, "
            "or choose c2pa 'auto'"
        )


def _watermarked(pictures: Iterable[Pixels], message: Message) -> Iterator[Pixels]:
    for each in pictures:
        yield np.asarray(embed(Image.fromarray(each), message))


def is_video(head: bytes) -> bool:
    """Tell from its first 12 bytes whether a file is an MP4, a QuickTime film or a Matroska (webm) file."""
    return head.startswith(_MATROSKA) or (head[4:8] == b"ftyp" and head[8:12] not in _STILL)


def video_type(head: bytes) -> str | None:
    """Give the media type under which a video's manifest is read; None for kinds that hold none."""
    if head.startswith(_MATROSKA):
        return None
    return "video/quicktime" if head[8:12] == _QUICKTIME else "video/mp4"


def look_at_video(path: Path) -> tuple[bytes | None, Message | None]:
    """Look for the marks of a video that lie in its metadata and in its frames.

    Args:
        path: of a local file.

    Returns:
        XMP packet, or None; and what is read from the first of five frames that says anything, or None. They are the
        frames 0, 10, 50, 100 and 250, which bounds the time.

    Raises:
        InputError: it is no video that can be read.
        DependencyError: what reads videos is missing.
    """
    from nobodies.imaging.video_reader import open_video

    with open_video(path) as video:
        for frame in video:
            if frame.index in _LOOKED_AT:
                found = detect(Image.fromarray(frame.pixels(long_side_px=_LONGEST_PX)))
                if found is not None:
                    return video.xmp, found.message
            if frame.index >= _LOOKED_AT[-1]:
                break
        return video.xmp, None
