import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fsspec import register_implementation
from fsspec.implementations.memory import MemoryFileSystem

from nobodies.bulk import shards
from nobodies.bulk.recipe import Wanted
from nobodies.bulk.shards import Sample
from nobodies.bulk.target import Target
from nobodies.errors import DependencyError, OutputError, SettingError
from nobodies.settings import ShardSettings
from tests.bulk.conftest import MakeSet, recipe_of, sums

WANTED = Wanted(seeds="1-40")
RECIPE = recipe_of(shards=ShardSettings(shard_mb=0.03))


class NoCredentialsError(Exception):
    """As the libraries of object stores raise: of no family."""


class TornFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A store in memory that fails at its fourth large file, of which half arrives."""

    protocol = "torn"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    num_put = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("torn://", "memory://")))

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        TornFileSystem.num_put += 1
        if TornFileSystem.num_put == 4:
            self.pipe_file(rpath, Path(lpath).read_bytes()[:1000])
            raise NoCredentialsError("Unable to locate credentials\nin three places")
        super().put_file(lpath, rpath, **options)


@pytest.fixture(autouse=True)
def empty_stores() -> Iterator[None]:
    register_implementation("torn", TornFileSystem, clobber=True)
    yield
    for system in (MemoryFileSystem, TornFileSystem):
        system.store.clear()
        system.pseudo_dirs[:] = [""]
    TornFileSystem.num_put = 0


def _stored(system: type[MemoryFileSystem], root: str) -> dict[str, bytes]:
    return {name.removeprefix(root): bytes(file.getbuffer()) for name, file in system.store.items()}


def test_a_store_gets_the_same_files_as_a_folder(make_set: MakeSet, tmp_path: Path) -> None:
    make_set("memory://bucket/faces", WANTED, RECIPE)
    make_set(tmp_path / "faces", WANTED, RECIPE)
    stored = _stored(MemoryFileSystem, "/bucket/faces/")
    assert stored.keys() == sums(tmp_path / "faces").keys()
    assert all((tmp_path / "faces" / name).read_bytes() == data for name, data in stored.items())


def test_in_a_store_finished_shards_are_verified_and_kept(make_set: MakeSet) -> None:
    make_set("memory://bucket/faces", WANTED, RECIPE)
    before = _stored(MemoryFileSystem, "")
    del MemoryFileSystem.store["/bucket/faces/records/faces-00002.json"]
    audit = make_set("memory://bucket/faces", WANTED, RECIPE)
    assert audit.num_shards - audit.num_kept == 1
    assert _stored(MemoryFileSystem, "") == before
    MemoryFileSystem().pipe_file("/bucket/faces/data/faces-00000.tar", b"else")
    with pytest.raises(OutputError, match=r"memory://bucket/faces/data/faces-00000.tar has changed"):
        make_set("memory://bucket/faces", WANTED, RECIPE)


def test_an_error_of_a_store_is_one_line_and_what_half_arrived_is_made_again(
    make_set: MakeSet, tmp_path: Path
) -> None:
    with pytest.raises(
        OutputError, match=r"cannot write torn://bucket/data/faces-00003.tar: Unable to locate cred"
    ) as said:
        make_set("torn://bucket", WANTED, RECIPE)
    assert "\n" not in str(said.value)
    assert "check the address, the network and your credentials" in str(said.value)
    assert len(TornFileSystem.store["/bucket/data/faces-00003.tar"].getbuffer()) == 1000
    audit = make_set("torn://bucket", WANTED, RECIPE)
    assert 3 <= audit.num_kept < audit.num_shards
    make_set(tmp_path / "set", WANTED, RECIPE)
    torn = _stored(TornFileSystem, "/bucket/")["data/faces-00003.tar"]
    assert torn == (tmp_path / "set" / "data" / "faces-00003.tar").read_bytes()


def test_a_path_means_the_same_to_workers_that_stand_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = Target("set")
    monkeypatch.chdir("/")
    assert target.folder == tmp_path / "set"
    assert Target("memory://set").url == "memory://set"


def test_a_store_that_nobody_answers_for() -> None:
    with pytest.raises(OutputError, match=r"cannot open ftp://127.0.0.1:1/faces: .*refused.*; check the address"):
        Target("ftp://127.0.0.1:1/faces").prepare()


def test_an_address_of_no_known_kind() -> None:
    with pytest.raises(SettingError, match=r"cannot use shelf://faces: Protocol not known: shelf"):
        Target("shelf://faces").prepare()


def test_a_store_whose_library_is_missing() -> None:
    with pytest.raises(DependencyError, match=r"cannot use oss://bucket: .*[Ii]nstall"):
        Target("oss://bucket").prepare()


def test_a_file_where_the_folder_should_be(tmp_path: Path, make_set: MakeSet) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        make_set(tmp_path / "file" / "below", WANTED, RECIPE)


def test_a_disk_that_fills_up_keeps_what_is_finished(
    make_set: MakeSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, add = [0], shards.TarShard.add

    def full_at_25(shard: shards.TarShard, sample: Sample) -> None:
        written[0] += 1
        if written[0] > 25 + 32:  # 32 are weighed first
            raise OSError(errno.ENOSPC, "No space left on device")
        add(shard, sample)

    folder = tmp_path / "set"
    with monkeypatch.context() as patch:
        patch.setattr(shards.TarShard, "add", full_at_25)
        with pytest.raises(OutputError, match="the disk is full; free some space and run the same command again"):
            make_set(folder, WANTED, RECIPE)
    assert not list(folder.rglob("*.tmp"))
    assert make_set(folder, WANTED, RECIPE).num_kept >= 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_real_disk_that_is_too_small(make_set: MakeSet, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        with pytest.raises(OutputError, match="the disk is full; free some space and run the same command again"):
            make_set(disk / "set", WANTED, RECIPE)
        assert not list(disk.rglob("*.tmp"))
        assert list((disk / "set" / "records").iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)
