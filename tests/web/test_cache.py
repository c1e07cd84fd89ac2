import errno
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.web.cache import ByteCache, DiskCache

STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60)


@given(STEPS)
def test_memory_never_exceeds_its_limit_and_what_is_there_is_right(steps: list[tuple[int, int]]) -> None:
    cache: ByteCache[int, bytes] = ByteCache(100, len)
    last: dict[int, bytes] = {}
    for key, size in steps:
        last[key] = bytes([size]) * size
        cache.put(key, last[key])
        assert cache.used_bytes <= 100
    for key in range(10):
        assert cache.get(key) in (None, last.get(key))
    assert cache.used_bytes == sum(len(found) for key in range(10) if (found := cache.get(key)) is not None)


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache: ByteCache[str, bytes] = ByteCache(30, len)
    for key in "abc":
        cache.put(key, bytes(10))
    cache.get("a")
    cache.put("d", bytes(10))
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    cache.put("huge", bytes(31))
    assert cache.get("huge") is None
    assert cache.get("a")


def test_disk_gives_back_what_it_was_given_also_to_another_process(tmp_path: Path) -> None:
    DiskCache(tmp_path, 10_000).put("/face/1.jpeg", b"picture")
    assert DiskCache(tmp_path, 10_000).get("/face/1.jpeg") == b"picture"
    assert DiskCache(tmp_path, 10_000).get("/face/2.jpeg") is None


def test_disk_stays_near_its_limit(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 10_000)
    for index in range(60):
        cache.put(str(index), bytes(1000))
        os.utime(cache._path(str(index)), (index, index))
    held = sum(path.stat().st_size for path in tmp_path.glob("*/*"))
    assert held <= 10_000 * 1.05 + 1032
    assert cache.get("59") is not None
    assert cache.get("0") is None


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 500])
def test_a_damaged_file_is_not_given(tmp_path: Path, damage: bytes) -> None:
    cache = DiskCache(tmp_path, 10_000)
    cache.put("a", b"picture")
    cache._path("a").write_bytes(damage)
    assert cache.get("a") is None
    cache.put("a", b"picture")
    assert cache.get("a") == b"picture"


def test_a_full_disk_is_said_once_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = DiskCache(tmp_path, 10_000)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        cache.put("a", b"picture")
        cache.put("b", b"picture")
    assert [record.message for record in caplog.records if "disk is full" in record.message] != []
    assert len(caplog.records) == 1
    assert cache.get("a") is None
    assert [path for path in tmp_path.glob("*/*") if path.is_file()] == []
    cache.put("a", b"picture")
    assert cache.get("a") == b"picture"


def test_threads_may_share_a_cache() -> None:
    cache: ByteCache[int, bytes] = ByteCache(500, len)

    def work(offset: int) -> None:
        for index in range(2000):
            cache.put((index + offset) % 97, bytes(10))
            cache.get(index % 97)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.used_bytes == 10 * len(cache) <= 500
