"""Writing to disk so that a kill at any moment leaves the old file or the new one, never half of one."""

import contextlib
import errno
import mmap
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from nobodies.errors import OutputError


def map_bytes(path: Path) -> memoryview:
    """Give the bytes of a file without reading them: pages are shared with all processes that look at it.

    What is written to the view stays in this process. The file must not be cut short while the view is in use; files
    that are replaced by `write_atomic` are not.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def write_atomic(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a whole file under a temporary name, make it durable, and only then give it its name.

    Args:
        path: the file to make or replace. Its folder must exist.
        data: everything it shall hold.
        private: let nobody but the owner read it, from its first moment on.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full. Nothing is left behind.
    """
    with replacing(path, private=private) as part:
        part.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Write a file bit by bit under a temporary name, make it durable at the end, and only then give it its name.

    Args:
        path: the file to make or replace. Its folder must exist.
        private: let nobody but the owner read it, from its first moment on.

    Yields:
        The temporary name, in the same folder. The body writes to it and closes it.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full. Nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with explained(path):
        try:
            temporary.touch(mode=0o600 if private else 0o666, exist_ok=False)
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Make a folder and those above it.

    Raises:
        OutputError: it cannot be made, or something else has its name.
    """
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)


def require_writable(folder: Path) -> None:
    """Make sure, before any long work, that files can be made in `folder`, which is made if missing.

    Raises:
        OutputError: they cannot.
    """
    make_folder(folder)
    write_atomic(probe := folder / ".nobodies-probe", b"")
    probe.unlink(missing_ok=True)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write `path` into one line that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full; free some space and run the same command again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "permission denied; choose another folder or change its permissions"
        case errno.ENOTDIR | errno.EEXIST:
            return "a file stands where a folder is needed; choose another name"
        case errno.ENAMETOOLONG:
            return "the name is too long; choose a shorter one"
        case _:
            return f"{error.strerror or error}; choose another folder"
