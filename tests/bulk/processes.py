"""Runs of `nobodies bulk` in processes of their own, on the real engine with a model small enough for tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from nobodies.bulk.job import BulkJob
from nobodies.bulk.maker import Maker
from nobodies.bulk.recipe import Wanted, recipe_for
from nobodies.bulk.target import Target
from nobodies.models import Model, Store
from nobodies.settings import PictureSettings, ShardSettings
from tests.bulk.conftest import InlineCrew, sums
from tests.engines.tiny import ARCHITECTURE, tiny_model

NAME = "tiny-0"
COUNT = 160
_OPTIONS = ["--count", str(COUNT), "--shard-mb", "0.03", "--size", "32", "--precision", "f32"]
_WORKERS = ["--workers", "2", "--worker-threads", "1"]


def put_model(cache: Path) -> Model:
    """Put the model into a cache."""
    model = tiny_model()
    w_avg = np.zeros(ARCHITECTURE.w_dim, np.float32)
    return Store(cache).put(Model(model.description, {**model.tensors, "mapping.w_avg": w_avg}))


def make_inline(folder: Path, model: Model) -> dict[str, str]:
    """Make the set in this process, one face after the other: the slow twin. Gives its checksums."""
    recipe = recipe_for(
        model, precision="f32", wishes=None, picture=PictureSettings(size_px=32), shards=ShardSettings(shard_mb=0.03)
    )
    crew = InlineCrew(Maker.load(recipe, 1))
    job = BulkJob(recipe, Wanted(count=COUNT), Target(str(folder)), crew)
    job.prepare()
    assert sum(record.num_faces for record in job.make()) == COUNT
    job.finish(model.description)
    return sums(folder)


def command(folder: Path, *options: str) -> list[str]:
    """Write the command that makes the set."""
    return [sys.executable, "-m", "nobodies", "bulk", "--model", NAME, "--out", str(folder), *_OPTIONS, *options]


def bulk(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Make the set, and wait for it."""
    return subprocess.run(command(folder, *options), capture_output=True, text=True, timeout=280, check=False)


@contextmanager
def begun(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Begin to make the set in a session of its own; by two processes if nothing else is said."""
    asked = command(folder, *(options or _WORKERS))
    pipe = subprocess.PIPE
    with subprocess.Popen(asked, text=True, start_new_session=True, stdout=pipe, stderr=pipe) as run:
        try:
            yield run
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


def workers_of(process_id: int) -> list[int]:
    """Give the processes that draw for a run."""
    return [each for each in descendants(process_id) if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def wait_for_shards(folder: Path, number: int) -> None:
    """Wait until so many shards are finished."""
    wait_until(lambda: len(list(folder.glob("records/*.json"))) >= number)


def wait_until(holds: Callable[[], bool], timeout_s: float = 120) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def descendants(process_id: int) -> list[int]:
    """Give the children of a process, and theirs, by /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(process_id, []))
    for each in found:
        found += children.get(each, [])
    return found
