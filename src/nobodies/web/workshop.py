"""Work that must not hold up the event loop: threads, with a bounded queue before them."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from nobodies.errors import BusyError

Result = TypeVar("Result")

_FIRST_GUESS_S: Final = 0.1
_SMOOTHING: Final = 0.1


class Workshop:
    """Runs functions in threads. Refuses more than it can do soon, so that nothing piles up.

    Work is done in the order it came. Spare work, such as filling the pool, runs only while no visitor waits.
    """

    def __init__(self, *, threads: int, queue_limit: int, wait_s: float) -> None:
        """Set up.

        Args:
            threads: functions run at once.
            queue_limit: functions that may wait for a thread.
            wait_s: longest that a visitor waits for a result.
        """
        self.threads = threads
        self.asked = 0
        """What visitors wait for: in the queue and in the threads."""
        self._limit = threads + queue_limit
        self._wait_s = wait_s
        self._job_s = _FIRST_GUESS_S
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="workshop")

    @property
    def waiting(self) -> int:
        """How much of what visitors wait for is still in the queue."""
        return max(0, self.asked - self.threads)

    @property
    def retry_after_s(self) -> int:
        """About how long it takes until what is asked for now is done, in whole seconds, at least one."""
        return max(1, math.ceil(self.asked * self._job_s / self.threads))

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run a function for a visitor. Cancelling it takes it out of the queue.

        Raises:
            BusyError: too much is waiting already, or it took too long.
        """
        if self.asked >= self._limit:
            raise BusyError("all hands are busy: try again soon", retry_after_s=self.retry_after_s)
        self.asked += 1
        self._quiet.clear()
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._in_thread(work)
        except TimeoutError:
            raise BusyError("this takes too long now: try again soon", retry_after_s=self.retry_after_s) from None
        finally:
            self.asked -= 1
            if not self.asked:
                self._quiet.set()

    async def run_spare(self, work: Callable[[], Result]) -> Result:
        """Run a function once no visitor waits for anything."""
        while self.asked:
            await self._quiet.wait()
        return await self._in_thread(work)

    async def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _in_thread(self, work: Callable[[], Result]) -> Awaitable[Result]:
        return asyncio.get_running_loop().run_in_executor(self._pool, self._timed, work)

    def _timed(self, work: Callable[[], Result]) -> Result:
        begun = time.perf_counter()
        result = work()
        self._job_s += _SMOOTHING * (time.perf_counter() - begun - self._job_s)
        return result


class Flights:
    """Joins equal requests: the first does the work, those that come meanwhile wait for its result."""

    def __init__(self) -> None:
        self._tasks: dict[Any, asyncio.Task[Any]] = {}
        self._passengers: dict[Any, int] = {}

    async def once(self, key: Any, make: Callable[[], Awaitable[Result]]) -> Result:
        """Give what `make` gives, or what an equal request that is under way will give.

        Args:
            key: equal for requests with equal results.
            make: called if none is under way. Cancelled when everybody who waits for it has left.
        """
        task: asyncio.Task[Result] | None = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(make))
            self._tasks[key] = task
            self._passengers[key] = 0
            task.add_done_callback(lambda _: self._land(key))
        self._passengers[key] += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done() and self._passengers[key] == 1:
                task.cancel()
            raise
        finally:
            if key in self._passengers and self._tasks.get(key) is task:
                self._passengers[key] -= 1

    def __len__(self) -> int:
        return len(self._tasks)

    def _land(self, key: Any) -> None:
        task = self._tasks.pop(key)
        self._passengers.pop(key)
        if not task.cancelled():
            task.exception()  # read here, so that nobody warns of an error that every passenger was told of


class Slots:
    """So many at once, and no more. Use with `with`."""

    def __init__(self, limit: int, what: str) -> None:
        """Take how many there may be, and what they are called when there are too many."""
        self.taken = 0
        self._limit = limit
        self._what = what

    def __enter__(self) -> None:
        if self.taken >= self._limit:
            raise BusyError(f"there are {self.taken} {self._what} going on already: try again soon", retry_after_s=5)
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


async def _awaited(make: Callable[[], Awaitable[Result]]) -> Result:
    return await make()
