import errno
import os
from pathlib import Path

import pytest

from nobodies.errors import OutputError
from nobodies.files import make_folder, require_writable, write_atomic


def _names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert _names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if call == "fsync" else Path, call, full)
    with pytest.raises(OutputError, match="disk is full"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["a.txt"]


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a.txt", b"new")
    assert _names(tmp_path) == []


def test_reasons_are_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        require_writable(tmp_path / "file" / "below")
    with pytest.raises(OutputError, match="too long"):
        write_atomic(tmp_path / ("x" * 250), b"")
    with pytest.raises(OutputError, match="No such file"):
        write_atomic(tmp_path / "missing" / "a", b"")


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "permission denied"),
        (errno.EDQUOT, "disk is full"),
        (errno.EIO, "another folder"),
    ],
)
def test_what_the_system_refuses_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, hint: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(OutputError, match=hint):
        require_writable(tmp_path / "new")
