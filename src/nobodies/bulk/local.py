"""A crew of processes on this machine."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import TypeVar

from nobodies.bulk.crews import MOST_THREADS, attempt
from nobodies.bulk.recipe import Recipe
from nobodies.bulk.tasks import Task
from nobodies.errors import NobodiesError, SettingError
from nobodies.settings import CrewSettings

R = TypeVar("R")


class LocalCrew:
    """Processes, each with the model and cores of its own."""

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self, settings: CrewSettings, recipe: Recipe) -> None:
        """Settle how many workers there are; they are started with the first task.

        Raises:
            SettingError: an address is given, which is Ray's.
        """
        if settings.address is not None:
            raise SettingError("an address is for --engine ray: leave it out, or add --engine ray")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = settings.worker_threads or min(cores, MOST_THREADS)
        self.num_workers = settings.workers or max(1, cores // self.threads)
        self._recipe = recipe
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: tuple[Connection, ...] = ()
        """Both ends of a pipe: ours first, and the one that workers listen at."""

    @property
    def num_ahead(self) -> int:
        """One task a worker, and one in waiting."""
        return self.num_workers + 1

    def submit(self, task: Task[R]) -> "Future[R | NobodiesError]":
        """Give a task to some worker; if workers were lost, to a new one."""
        if self._pool is None:
            self._start()
        assert self._pool is not None, "just started"
        try:
            with _deaf_to_ctrl_c():
                return self._pool.submit(attempt, self._recipe, self.threads, task)
        except BrokenProcessPool:
            self._stop()
            return self.submit(task)

    def _start(self) -> None:
        # Fresh processes: OpenVINO's threads do not survive a fork.
        fresh = multiprocessing.get_context("spawn")
        theirs, ours = fresh.Pipe(duplex=False)
        self._lifeline = ours, theirs
        self._pool = ProcessPoolExecutor(self.num_workers, fresh, initializer=_begin, initargs=(theirs,))

    def _stop(self) -> None:
        for end in self._lifeline:
            end.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._lifeline = None, ()

    def __enter__(self) -> "LocalCrew":
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None and error[0] is None:
            self._pool.shutdown()
        self._stop()


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: it is for this one, which lets go of them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(lifeline: Connection) -> None:
    threading.Thread(target=_follow, args=(lifeline,), daemon=True).start()


def _follow(lifeline: Connection) -> None:
    """End this process when the other end of the pipe is closed: by whoever holds it, or by its death."""
    lifeline.poll(None)
    os._exit(1)
