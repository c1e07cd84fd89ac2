import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from nobodies.bulk import lock
from nobodies.bulk.lock import LOCK_NAME, alone
from nobodies.bulk.target import Target
from nobodies.errors import OutputError

STORE = Target("memory://locked/set")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    MemoryFileSystem.store.clear()


def _mark(**values: Any) -> None:
    mark = {"run": "r", "host": "elsewhere", "process": 1, "renewed_at": time.time()}
    STORE.write(LOCK_NAME, json.dumps(mark | values).encode())


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    target = Target(str(tmp_path / "set"))
    with (
        alone(target),
        pytest.raises(OutputError, match=r"another run writes to .*wait for it, or choose another folder"),
        alone(target),
    ):
        pass
    with alone(target):
        pass


def test_a_store_has_one_run_at_a_time() -> None:
    with alone(STORE):
        _mark()
        with (
            pytest.raises(OutputError, match=r"another run \(elsewhere, process 1\) wrote to memory.* try again in"),
            alone(STORE),
        ):
            pass
    with alone(STORE):
        pass
    assert STORE.read(LOCK_NAME) is None


def test_the_mark_of_a_run_that_was_killed_does_not_last(monkeypatch: pytest.MonkeyPatch) -> None:
    _mark(renewed_at=time.time() - lock.STALE_S - 1)
    with alone(STORE):
        pass
    dead = os.fork()
    if dead == 0:
        os._exit(0)
    os.waitpid(dead, 0)
    _mark(host=socket.gethostname(), process=dead)
    with alone(STORE):
        pass


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"renewed_at": "x"}'])
def test_a_damaged_mark_is_nobodys(damage: bytes) -> None:
    STORE.write(LOCK_NAME, damage)
    with alone(STORE):
        pass


def test_a_mark_is_renewed_while_a_run_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "RENEWED_S", 0.02)
    with alone(STORE):
        first = json.loads(STORE.read(LOCK_NAME) or b"")["renewed_at"]
        deadline = time.monotonic() + 10
        while json.loads(STORE.read(LOCK_NAME) or b"")["renewed_at"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)
