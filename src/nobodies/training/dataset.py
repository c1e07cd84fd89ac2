"""Training pictures: a zip or folder of equal squares with an optional dataset.json, as the official tools write.

dataset.json holds {"labels": [["00000/img00000000.png", 3], …]} or {"labels": null}; a label is a class number.
"""

import io
import json
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nobodies.errors import InputError

LABELS_NAME: Final = "dataset.json"
SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MAX_SIDE_PX: Final = 4096
_MOST_PICTURES: Final = 20_000_000
_MOST_FILE_BYTES: Final = 64 << 20
_MOST_LABEL_BYTES: Final = 1 << 30
_CACHE_BYTES: Final = 1 << 30

_CHANNELS: Final = {"1": 1, "L": 1, "P": 3, "RGB": 3, "RGBA": 4}
_MODES: Final = {1: "L", 3: "RGB", 4: "RGBA"}


class PictureDataset:
    """Pictures and labels by index, decoded when asked for and kept in memory up to a limit.

    Args:
        path: a zip file or a folder.
        use_labels: read the classes in dataset.json.
        cache_bytes: keep up to so many bytes of decoded pictures.

    Raises:
        InputError: there are no pictures, they are not square, or the labels do not match.
    """

    def __init__(self, path: Path, *, use_labels: bool = False, cache_bytes: int = _CACHE_BYTES) -> None:
        self.path = path
        self._source: _Zip | _Folder = _open(path)
        self.names = sorted(name for name in self._source.names() if PurePosixPath(name).suffix.lower() in SUFFIXES)
        if not self.names:
            raise InputError(f"{path} holds no pictures: want {', '.join(sorted(SUFFIXES))}, in a zip or folder")
        if len(self.names) > _MOST_PICTURES:
            raise InputError(f"{path} holds {len(self.names)} pictures: the limit is {_MOST_PICTURES}")
        first = self._decode(self.names[0])
        self.resolution, self.img_channels = _square_side(first, f"{path}: {self.names[0]}"), _CHANNELS[first.mode]
        self.labels = self._read_labels() if use_labels else None
        self.num_classes = int(self.labels.max()) + 1 if self.labels is not None else 0
        self._cache: dict[int, NDArray[np.uint8]] = {}
        self._cache_room = cache_bytes // (self.img_channels * self.resolution**2)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.names)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Decode one picture.

        Returns:
            [P, R, R].

        Raises:
            InputError: it is broken, or not of the dataset's size.
        """
        if (kept := self._cache.get(index)) is not None:
            return kept
        pixels = self._pixels(self.names[index])
        if len(self._cache) < self._cache_room:
            self._cache[index] = pixels
        return pixels

    def batch(self, indices: list[int]) -> NDArray[np.uint8]:
        """Decode several pictures, [N, P, R, R]."""
        return np.stack([self.picture(index) for index in indices])

    def one_hot(self, indices: list[int]) -> NDArray[np.float32] | None:
        """Labels of several pictures, [N, C]; None if unlabelled."""
        if self.labels is None:
            return None
        return np.eye(self.num_classes, dtype=np.float32)[self.labels[indices]]

    def _pixels(self, name: str) -> NDArray[np.uint8]:
        image = self._decode(name)
        if image.size != (self.resolution, self.resolution):
            raise InputError(
                f"{self.path}: {name} is {image.width}x{image.height} and the first picture {self.resolution}x"
                f"{self.resolution}: bring all to one size with 'nobodies dataset build'"
            )
        pixels = np.asarray(image.convert(_MODES[self.img_channels]))
        return np.ascontiguousarray(pixels.reshape(self.resolution, self.resolution, -1).transpose(2, 0, 1))

    def _decode(self, name: str) -> Image.Image:
        try:
            data = self._source.read(name, _MOST_FILE_BYTES)
            image = Image.open(io.BytesIO(data))
            if max(image.size) > MAX_SIDE_PX:
                raise InputError(
                    f"{self.path}: {name} is {image.width}x{image.height}: the limit is {MAX_SIDE_PX} px"
                )
            image.load()
        except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, UnidentifiedImageError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{self.path}: {name} is broken ({error}): take it out, or use 'nobodies dataset build'"
            ) from error
        return image if image.mode in _CHANNELS else image.convert("RGB")

    def _read_labels(self) -> NDArray[np.int64]:
        if LABELS_NAME not in self._source.names():
            raise InputError(f"{self.path} has no {LABELS_NAME}: build with '--labels', or train without classes")
        try:
            found = json.loads(self._source.read(LABELS_NAME, _MOST_LABEL_BYTES))["labels"]
            by_name = {str(name): _class_number(label) for name, label in found or []}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.path}: {LABELS_NAME} cannot be read ({error}): want {{'labels': [[name, class], …]}}"
            ) from error
        missing = [name for name in self.names if name not in by_name]
        if missing:
            raise InputError(
                f"{self.path}: {len(missing)} of {len(self.names)} pictures have no label, such as {missing[0]}"
            )
        return np.array([by_name[name] for name in self.names], dtype=np.int64)


def _class_number(label: Any) -> int:
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < 100_000:
        raise ValueError(f"label {label!r} is no class number")
    return label


def _square_side(image: Image.Image, name: str) -> int:
    if image.width != image.height or image.width & (image.width - 1):
        raise InputError(
            f"{name} is {image.width}x{image.height}: want squares of a power of two: see 'nobodies dataset build'"
        )
    return image.width


def _open(path: Path) -> "_Zip | _Folder":
    if path.is_dir():
        return _Folder(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: give a zip or a folder of pictures")
    try:
        return _Zip(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is not a zip that can be read ({error}): give a zip or a folder of pictures"
        ) from error


class _Zip:
    """Members of a zip file."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._names = frozenset(name for name in self._zip.namelist() if not name.endswith("/"))

    def names(self) -> frozenset[str]:
        return self._names

    def read(self, name: str, limit_bytes: int) -> bytes:
        size = self._zip.getinfo(name).file_size
        if size > limit_bytes:
            raise ValueError(f"{size} bytes, more than {limit_bytes}")
        return self._zip.read(name)


class _Folder:
    """Files below a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = frozenset(found.relative_to(path).as_posix() for found in path.rglob("*") if found.is_file())

    def names(self) -> frozenset[str]:
        return self._names

    def read(self, name: str, limit_bytes: int) -> bytes:
        file = self._path / name
        size = file.stat().st_size
        if size > limit_bytes:
            raise ValueError(f"{size} bytes, more than {limit_bytes}")
        return file.read_bytes()
