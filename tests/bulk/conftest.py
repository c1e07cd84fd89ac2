"""A crew that works in this process, in order: the slow twin of the others, and a place to let things go wrong."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest

from nobodies.bulk.job import Audit, BulkJob
from nobodies.bulk.lock import alone
from nobodies.bulk.maker import LetsOut, Maker
from nobodies.bulk.recipe import Recipe, Wanted
from nobodies.bulk.target import Target
from nobodies.bulk.tasks import Task
from nobodies.errors import NobodiesError
from nobodies.generator import Generator
from nobodies.vision.nets import limit_threads
from tests.conftest import tiny_model

R = TypeVar("R")
MakeSet = Callable[..., Audit]


class Lost(Exception):
    """A worker was lost."""


class InlineCrew:
    """Does each task at once."""

    lost: tuple[type[BaseException], ...] = (Lost,)
    num_ahead = 3

    def __init__(self, maker: Maker, before: Callable[[Task[Any]], None] = lambda _: None) -> None:
        self.maker, self.before = maker, before
        self.done: list[Task[Any]] = []

    def submit(self, task: Task[R]) -> "Future[R | NobodiesError]":
        future: Future[R | NobodiesError] = Future()
        try:
            self.before(task)
            future.set_result(task(self.maker))
            self.done.append(task)
        except NobodiesError as error:
            future.set_result(error)
        except Lost as error:
            future.set_exception(error)
        return future


def recipe_of(**options: Any) -> Recipe:
    """Give a recipe for the generator made of numpy."""
    model = tiny_model()
    return Recipe(**{"model": model.name, "weights": model.fingerprint, "precision": "f32"} | options)


def sums(folder: Path) -> dict[str, str]:
    """Give a checksum for each file of a set."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(autouse=True)
def threads_put_back() -> Iterator[None]:
    """Let nets of later tests have all cores again, which makers bound."""
    yield
    limit_threads(0)


@pytest.fixture
def make_set(generator: Generator) -> MakeSet:
    """Make a set in this process, in shards of some ten faces."""

    def make(
        target: str | Path,
        wanted: Wanted,
        recipe: Recipe,
        *,
        lets_out: LetsOut | None = None,
        before: Callable[[Task[Any]], None] = lambda _: None,
    ) -> Audit:
        crew = InlineCrew(Maker(recipe, generator, lets_out=lets_out), before)
        job = BulkJob(recipe, wanted, Target(str(target)), crew)
        with alone(job.target):
            job.prepare()
            for _ in job.make():
                pass
            return job.finish(tiny_model().description)

    return make


@pytest.fixture
def reference(own_cache: Path, tmp_path: Path) -> dict[str, str]:
    """Checksums of the set of `processes`, made in this process; its model is in the cache."""
    from tests.bulk.processes import make_inline, put_model

    return make_inline(tmp_path / "reference", put_model(own_cache))
