"""Pictures of real people, to hold generated faces against: a folder or a zip, read one picture at a time."""

import hashlib
import logging
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import InputError
from nobodies.imaging.decode import MOST_BYTES, read_pixels
from nobodies.uniqueness.look import Embedding, embedding_of

_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures in the order of their names."""

    names: tuple[str, ...]
    _read: Callable[[str], bytes]

    @classmethod
    def open(cls, place: Path) -> "Gallery":
        """Open a folder, with those below it, or a zip.

        Raises:
            InputError: it is neither, or holds no picture.
        """
        if place.is_dir():
            paths = {str(path.relative_to(place)): path for path in place.rglob("*") if path.is_file()}
            gallery = cls(_pictures(paths), lambda name: paths[name].read_bytes())
        elif zipfile.is_zipfile(place):
            archive = zipfile.ZipFile(place)
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            gallery = cls(_pictures(sizes), lambda name: _unpacked(archive, name, sizes[name]))
        else:
            raise InputError(f"{place} is neither a folder nor a zip: give one with pictures of faces")
        if not gallery.names:
            raise InputError(f"{place} holds no picture: give a folder or zip with {', '.join(sorted(_SUFFIXES))}")
        return gallery

    @property
    def fingerprint(self) -> str:
        """Tell this list of pictures from others."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """Give a picture, [H, W, 3], RGB.

        Raises:
            InputError: it cannot be read.
        """
        return read_pixels(self._read(self.names[number]))

    def embeddings(self, start: int = 0) -> Iterator[Embedding | None]:
        """Describe whom each picture shows, from number `start` on; None if it cannot be read or shows no face."""
        for number in range(start, len(self.names)):
            try:
                yield embedding_of(self.pixels(number))
            except (InputError, OSError, zipfile.BadZipFile) as error:
                _log.warning("%s is passed over: %s", self.names[number], error)
                yield None


def _pictures(names: dict[str, Path] | dict[str, int]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if Path(name).suffix.lower() in _SUFFIXES))


def _unpacked(archive: zipfile.ZipFile, name: str, size_bytes: int) -> bytes:
    if size_bytes > MOST_BYTES:
        raise InputError(f"{size_bytes / 1e6:.0f} MB: pictures of up to {MOST_BYTES / 1e6:.0f} MB are read")
    return archive.read(name)
