"""Finished pictures, kept up to a number of bytes: in memory, and if wanted in a folder too."""

import contextlib
import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Final, Generic, TypeVar

from nobodies.errors import OutputError
from nobodies.files import make_folder, write_atomic

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_log = logging.getLogger(__name__)

_DIGEST_BYTES: Final = 32
_SWEEP_SHARE: Final = 1 / 20
_LEFT_SHARE: Final = 0.9


class ByteCache(Generic[Key, Value]):
    """The most recently used values, up to a number of bytes. May be shared by threads."""

    def __init__(self, limit_bytes: int, size: Callable[[Value], int]) -> None:
        """Set up.

        Args:
            limit_bytes: most that all values together may take.
            size: gives the bytes of a value.
        """
        self.used_bytes = 0
        self._limit_bytes = limit_bytes
        self._size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Value | None:
        """Give a value, or None."""
        with self._lock:
            if (value := self._values.get(key)) is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        """Keep a value; those not used for longest make room. One that is too large for that is not kept."""
        with self._lock:
            if (old := self._values.pop(key, None)) is not None:
                self.used_bytes -= self._size(old)
            if self._size(value) > self._limit_bytes:
                return
            self._values[key] = value
            self.used_bytes += self._size(value)
            while self.used_bytes > self._limit_bytes:
                self.used_bytes -= self._size(self._values.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._values)


class DiskCache:
    """Pictures in a folder, which several processes may share. What is damaged or cannot be written is not kept."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Take a folder, made if missing.

        Raises:
            OutputError: it cannot be made.
        """
        make_folder(folder)
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._unswept_bytes = limit_bytes  # what an earlier run left has not been counted: sweep soon
        self._failing = False

    def get(self, key: str) -> bytes | None:
        """Read a picture, or None if it is not there or damaged."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        picture = content[_DIGEST_BYTES:]
        if _digest(picture) != content[:_DIGEST_BYTES]:
            _log.warning("a picture in the disk cache is damaged and made again")
            return None
        return picture

    def put(self, key: str, picture: bytes) -> None:
        """Write a picture. If that fails, as on a full disk, it is logged once and nothing is kept."""
        path = self._path(key)
        try:
            make_folder(path.parent)
            write_atomic(path, _digest(picture) + picture)
        except OutputError as error:
            if not self._failing:
                _log.warning("the disk cache keeps nothing for now: %s", error)
            self._failing = True
            return
        self._failing = False
        self._unswept_bytes += len(picture)
        if self._unswept_bytes > self._limit_bytes * _SWEEP_SHARE:
            self._sweep()

    def _sweep(self) -> None:
        """Remove the files not used for longest, if all together are too much."""
        self._unswept_bytes = 0
        found = sorted(filter(None, map(_facts, self._folder.glob("*/*"))))
        total = sum(size for _, size, _ in found)
        if total <= self._limit_bytes:
            return
        for _, size, path in found:
            if total <= self._limit_bytes * _LEFT_SHARE:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / name[2:]


def _facts(path: Path) -> tuple[float, int, Path] | None:
    """When a file was last used, its bytes, and its path; None if another process has just removed it."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime, stat.st_size, path


def _digest(picture: bytes) -> bytes:
    return hashlib.sha256(picture).digest()
