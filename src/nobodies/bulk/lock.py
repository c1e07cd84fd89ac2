"""One run at a time in one folder: a lock of the system, or in a store a mark that is renewed while a run lives."""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from nobodies.bulk.target import Target
from nobodies.errors import NobodiesError, OutputError
from nobodies.files import make_folder

LOCK_NAME: Final = ".lock"
RENEWED_S: Final = 15.0
STALE_S: Final = 60.0
"""A mark that nobody has renewed for so long belongs to a run that was killed."""


@contextlib.contextmanager
def alone(target: Target) -> Iterator[None]:
    """Hold the folder of a set, and leave nothing half-written in it that a killed worker began.

    A store has no locks, so two runs that begin in the same moment may both believe to be alone. They would do the
    same work twice, and harm nothing: the same plan gives the same bytes, and another plan is refused.

    Raises:
        OutputError: another run has it, or it cannot be written.
    """
    with _locked(target) if target.folder else _marked(target):
        target.sweep()
        try:
            yield
        finally:
            target.sweep()


@contextlib.contextmanager
def _locked(target: Target) -> Iterator[None]:
    from filelock import FileLock, Timeout

    assert target.folder is not None, "a local folder"
    make_folder(target.folder)
    try:
        with FileLock(target.folder / LOCK_NAME, timeout=0):
            yield
    except Timeout:
        raise OutputError(f"another run writes to {target}: wait for it, or choose another folder") from None


@contextlib.contextmanager
def _marked(target: Target) -> Iterator[None]:
    _require_unmarked(target)
    mark = {"run": secrets.token_hex(8), "host": socket.gethostname(), "process": os.getpid()}
    target.write(LOCK_NAME, _dump(mark))
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(target, mark, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        with contextlib.suppress(NobodiesError):
            target.remove(LOCK_NAME)


def _require_unmarked(target: Target) -> None:
    try:
        mark = json.loads(target.read(LOCK_NAME) or b"{}")
        age_s = time.time() - float(mark.get("renewed_at", 0))
        place = f"{mark.get('host')}, process {mark.get('process')}"
    except (ValueError, AttributeError):
        return
    if age_s < STALE_S and not _is_dead(mark):
        raise OutputError(
            f"another run ({place}) wrote to {target} {max(age_s, 0):.0f} s ago: wait for it; if it was killed, try "
            f"again in {STALE_S - age_s:.0f} s"
        )


def _is_dead(mark: dict[str, Any]) -> bool:
    """Tell whether a mark was left by a process of this machine that is no more."""
    if mark.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(mark["process"]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError, KeyError, OverflowError):
        pass
    return False


def _renew(target: Target, mark: dict[str, Any], ended: threading.Event) -> None:
    while not ended.wait(RENEWED_S):
        # A store that cannot be reached for a moment does not end the run; its shards have errors of their own.
        with contextlib.suppress(NobodiesError):
            target.write(LOCK_NAME, _dump(mark))


def _dump(mark: dict[str, Any]) -> bytes:
    return json.dumps(mark | {"renewed_at": time.time()}).encode()
