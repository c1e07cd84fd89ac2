"""Pictures to build a dataset from: a picture, a video, a folder or zip of such, each read within limits."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image, ImageOps

from nobodies.errors import InputError

PICTURE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
VIDEO_SUFFIXES: Final = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v"})
FRAME_EVERY_S: Final = 1.0
_MOST_PIXELS: Final = 100_000_000
_MOST_FILE_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class SourcePicture:
    """A picture or video yet to be read."""

    name: str
    """Path below the source, with forward slashes."""
    read: Callable[[], Iterator[Image.Image]]
    """Decodes it upright, a video as a frame a second; raises InputError where it is broken or too large."""

    @property
    def folder(self) -> str:
        """Name of the folder that holds it, which is its class when labels come from folders."""
        return PurePosixPath(self.name).parent.name


def find_pictures(source: Path) -> list[SourcePicture]:
    """List the pictures and videos of a source, in the order of their names. Videos in zips are passed over.

    Raises:
        InputError: it does not exist, cannot be read, or holds no picture.
    """
    if source.is_dir():
        found = list(_in_folder(source))
    elif source.suffix.lower() == ".zip":
        found = list(_in_zip(source))
    elif source.is_file() and (reader := _reader(source)):
        found = [SourcePicture(source.name, reader)]
    else:
        raise InputError(f"{source} is no folder, zip, picture or video: give one of these")
    if not found:
        raise InputError(f"{source} holds no pictures: want {', '.join(sorted(PICTURE_SUFFIXES))}")
    return sorted(found, key=lambda picture: picture.name)


def _in_folder(folder: Path) -> Iterator[SourcePicture]:
    for path in folder.rglob("*"):
        if path.is_file() and (reader := _reader(path)):
            yield SourcePicture(path.relative_to(folder).as_posix(), reader)


def _reader(path: Path) -> Callable[[], Iterator[Image.Image]] | None:
    """How to read a file, None if it is neither picture nor video by its name."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return lambda: iter([_decode(path.read_bytes, path.stat().st_size)])
    return (lambda: _frames(path)) if suffix in VIDEO_SUFFIXES else None


def _frames(path: Path) -> Iterator[Image.Image]:
    """A frame of a video each `FRAME_EVERY_S`."""
    from nobodies.imaging.video_reader import open_video

    due = 0.0
    with open_video(path) as video:
        for frame in video:
            if frame.time_s >= due:
                yield Image.fromarray(frame.pixels())
                due = frame.time_s + FRAME_EVERY_S


def _in_zip(path: Path) -> Iterator[SourcePicture]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a zip that can be read: {error}") from error
    for info in archive.infolist():
        if PurePosixPath(info.filename).suffix.lower() in PICTURE_SUFFIXES:
            yield SourcePicture(
                info.filename,
                lambda info=info: iter([_decode(lambda: archive.read(info), info.file_size)]),  # type: ignore[misc]
            )


def _decode(read: Callable[[], bytes], size_bytes: int) -> Image.Image:
    if size_bytes > _MOST_FILE_BYTES:
        raise InputError(f"{size_bytes} bytes, the limit is {_MOST_FILE_BYTES}")
    try:
        image = Image.open(io.BytesIO(read()))
        if image.width * image.height > _MOST_PIXELS:
            raise InputError(f"{image.width}x{image.height}, the limit is {_MOST_PIXELS} pixels")
        image.load()
        return ImageOps.exif_transpose(image)
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders fail in many ways on broken data
        raise InputError(f"broken: {error}") from error
