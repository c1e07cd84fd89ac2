"""Crews: workers of some kind that tasks are given to, and the one loop that gives them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from nobodies.bulk.maker import maker_of
from nobodies.bulk.recipe import Recipe
from nobodies.bulk.tasks import Task
from nobodies.errors import NobodiesError, WorkerError
from nobodies.settings import CrewSettings

if TYPE_CHECKING:
    from nobodies.bulk.local import LocalCrew
    from nobodies.bulk.on_ray import RayCrew

R = TypeVar("R")

MOST_LOSSES: Final = 3
"""Workers that one task may cost before it is given up."""
MOST_THREADS: Final = 4
"""Cores that a worker takes by itself: more of them would wait for the interpreter's lock of the process."""


class Crew(Protocol):
    """Workers. Entering gets them, leaving lets them go; leaving by an error drops what they were at."""

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """What a task's future raises when its worker was lost."""

    @property
    def num_ahead(self) -> int:
        """How many tasks are to be under way at once: some more than there are workers, so that none waits."""

    def submit(self, task: Task[R]) -> "Future[R | NobodiesError]":
        """Give a task to some worker. An error that nobodies raises on purpose comes as a value."""


def work_off(crew: Crew, tasks: Iterable[Task[R]]) -> Iterator[R]:
    """Have tasks done, several at once.

    Args:
        crew: who does them.
        tasks: taken only as workers get free.

    Yields:
        Results, in the order in which they come.

    Raises:
        NobodiesError: what a task raised.
        WorkerError: a task has cost too many workers.
    """
    coming = iter(tasks)
    under_way: dict[Future[R | NobodiesError], tuple[Task[R], int]] = {}
    while True:
        for task in islice(coming, max(0, crew.num_ahead - len(under_way))):
            under_way[crew.submit(task)] = task, 0
        if not under_way:
            return
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            task, losses = under_way.pop(future)
            try:
                result = future.result()
            except crew.lost as error:
                if losses + 1 == MOST_LOSSES:
                    raise _lost(error) from error
                under_way[crew.submit(task)] = task, losses + 1
                continue
            if isinstance(result, NobodiesError):
                raise result
            yield result


def attempt(recipe: Recipe, threads: int, task: Task[R]) -> R | NobodiesError:
    """Do a task with this process's maker; what workers run.

    Returns:
        Its result; or what nobodies raises on purpose, as a value, so that it crosses any process as it is.
    """
    try:
        return task(maker_of(recipe, threads))
    except NobodiesError as error:
        return error


def _lost(error: BaseException) -> WorkerError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return WorkerError(
        f"workers were lost {MOST_LOSSES} times at the same work ({reason}): if memory ran out, take fewer "
        "--workers; the same command goes on where this one stopped"
    )


def open_crew(settings: CrewSettings, recipe: Recipe) -> "RayCrew | LocalCrew":
    """Give the crew that settings ask for.

    Raises:
        DependencyError: Ray is asked for and not installed.
    """
    if settings.engine == "ray":
        from nobodies.bulk.on_ray import RayCrew

        return RayCrew(settings, recipe)
    from nobodies.bulk.local import LocalCrew

    return LocalCrew(settings, recipe)
