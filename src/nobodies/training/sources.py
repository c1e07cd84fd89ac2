"""Pictures to build a dataset from: a picture, a folder, a zip, each read within limits."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image, ImageOps

from nobodies.errors import InputError

PICTURE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif"})
_MOST_PIXELS: Final = 100_000_000
_MOST_FILE_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class SourcePicture:
    """A picture yet to be read."""

    name: str
    """Path below the source, with forward slashes."""
    read: Callable[[], Image.Image]
    """Decodes it upright, raising InputError where it is broken or too large."""

    @property
    def folder(self) -> str:
        """Name of the folder that holds it, which is its class when labels come from folders."""
        return PurePosixPath(self.name).parent.name


def find_pictures(source: Path) -> list[SourcePicture]:
    """List the pictures of a source, in the order of their names.

    Raises:
        InputError: it does not exist, cannot be read, or holds no picture.
    """
    if source.is_dir():
        found = list(_in_folder(source))
    elif source.suffix.lower() == ".zip":
        found = list(_in_zip(source))
    elif source.suffix.lower() in PICTURE_SUFFIXES and source.exists():
        found = [SourcePicture(source.name, lambda: _decode(source.read_bytes, source.stat().st_size))]
    else:
        raise InputError(f"{source} is no folder, zip or picture: give one of these")
    if not found:
        raise InputError(f"{source} holds no pictures: want {', '.join(sorted(PICTURE_SUFFIXES))}")
    return sorted(found, key=lambda picture: picture.name)


def _in_folder(folder: Path) -> Iterator[SourcePicture]:
    for path in folder.rglob("*"):
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file():
            yield SourcePicture(
                path.relative_to(folder).as_posix(),
                lambda path=path: _decode(path.read_bytes, path.stat().st_size),  # type: ignore[misc]
            )


def _in_zip(path: Path) -> Iterator[SourcePicture]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a zip that can be read: {error}") from error
    for info in archive.infolist():
        if PurePosixPath(info.filename).suffix.lower() in PICTURE_SUFFIXES:
            yield SourcePicture(
                info.filename,
                lambda info=info: _decode(lambda: archive.read(info), info.file_size),  # type: ignore[misc]
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
