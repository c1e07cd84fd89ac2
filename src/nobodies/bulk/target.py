"""The folder or object store that a set is written to, through fsspec.

A name is given to a whole file only: locally by a rename, in an object store because an object appears when its last
byte has arrived. Where a store can promise neither, a shard still counts only once its record, written after it,
agrees with it.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nobodies.errors import DependencyError, NobodiesError, OutputError, SettingError
from nobodies.files import explained, make_folder, replacing, require_writable, write_atomic

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_PROBE: Final = ".nobodies-probe"


@dataclass(frozen=True)
class Target:
    """Where the files of a set are. Light: it is sent to workers, and opens nothing until it is used."""

    url: str
    """A path, made absolute since workers stand elsewhere; or an address such as s3://bucket/folder."""

    def __post_init__(self) -> None:
        if "://" not in self.url:
            object.__setattr__(self, "url", str(Path(self.url).expanduser().absolute()))

    def __str__(self) -> str:
        return self.url

    @cached_property
    def _place(self) -> "tuple[AbstractFileSystem, str]":
        try:
            from fsspec import url_to_fs
        except ImportError:
            raise DependencyError("making in bulk needs an extra: pip install 'nobodies[bulk]'") from None
        with self._explained("open"):
            try:
                system, root = url_to_fs(self.url)
            except ImportError as error:
                raise DependencyError(f"cannot use {self.url}: {error}") from None
            except ValueError as error:
                raise SettingError(
                    f"cannot use {self.url}: {error}; give a folder, or an address such as s3://…"
                ) from None
        return system, str(root).rstrip("/")

    @property
    def folder(self) -> Path | None:
        """The folder, if it is one of this machine."""
        system, root = self._place
        protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
        return Path(root) if "file" in protocols else None

    def prepare(self) -> None:
        """Make sure, before any long work, that files can be written.

        Raises:
            OutputError: they cannot.
        """
        if self.folder:
            require_writable(self.folder)
            return
        self.write(_PROBE, b"")
        self.remove(_PROBE)

    def names(self) -> list[str]:
        """Give the names of the files and folders at the top, hidden ones left out."""
        system, root = self._place
        with self._explained("list"):
            try:
                found = system.ls(root, detail=False, **({} if self.folder else {"refresh": True}))
            except FileNotFoundError:
                return []
        names = (path.rstrip("/").rpartition("/")[2] for path in found if path.strip("/") != root.strip("/"))
        return sorted(name for name in names if not name.startswith("."))

    def read(self, name: str) -> bytes | None:
        """Give a small file, or None if there is none."""
        system, _ = self._place
        with self._explained("read", name):
            try:
                data: bytes = system.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a small file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        if self.folder:
            make_folder((self.folder / name).parent)
            write_atomic(self.folder / name, data)
            return
        with self._explained("write", name):
            self._in_folder(name, lambda system, path: system.pipe_file(path, data))

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Write a large file: give a path for it, and put it in its place when it is whole.

        Raises:
            OutputError: it cannot be written. Nothing is left behind.
        """
        if self.folder:
            make_folder((self.folder / name).parent)
            with replacing(self.folder / name) as part:
                yield part
            return
        with tempfile.TemporaryDirectory(prefix="nobodies-") as folder:
            part = Path(folder) / "part"
            with explained(part):
                yield part
            with self._explained("write", name):
                self._in_folder(name, lambda system, path: system.put_file(str(part), path))

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[Path | None]:
        """Give a path to read a large file from, or None if there is none."""
        if self.folder:
            path = self.folder / name
            yield path if path.is_file() else None
            return
        with tempfile.TemporaryDirectory(prefix="nobodies-") as folder:
            part = Path(folder) / "part"
            with self._explained("read", name):
                try:
                    self._place[0].get_file(self._path(name), str(part))
                except FileNotFoundError:
                    part = None  # type: ignore[assignment]
            yield part

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._explained("write", name), contextlib.suppress(FileNotFoundError):
            self._place[0].rm_file(self._path(name))

    def sweep(self) -> None:
        """Remove what workers that were killed have left half-written. Nobody may be writing."""
        for part in self.folder.glob("**/.*.tmp") if self.folder else ():
            part.unlink(missing_ok=True)

    def _in_folder(self, name: str, write: "Callable[[AbstractFileSystem, str], object]") -> None:
        """Write into a folder of the store, which is made where it is missing. Object stores need none."""
        system, root = self._place
        path = self._path(name)
        try:
            write(system, path)
        except FileNotFoundError:
            for folder in dict.fromkeys((root, path.rpartition("/")[0])):
                with contextlib.suppress(FileExistsError):
                    system.mkdir(folder, create_parents=False)
            write(system, path)

    def _path(self, name: str) -> str:
        return f"{self._place[1]}/{name}"

    @contextlib.contextmanager
    def _explained(self, doing: str, name: str = "") -> Iterator[None]:
        """Turn whatever a store's own library raises into one line."""
        try:
            yield
        except NobodiesError:
            raise
        # Each of fsspec's many stores raises errors of its own, which share no other base.
        except Exception as error:
            where = f"{self.url.rstrip('/')}/{name}" if name else self.url
            raise OutputError(f"cannot {doing} {where}: {_in_one_line(error)}; {_ADVICE}") from error


_ADVICE: Final = "check the address, the network and your credentials, then run the same command again"


def _in_one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".;")[:300]
