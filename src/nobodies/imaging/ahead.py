"""Let one part of a chain of generators work ahead of the next, or beside it, in threads of its own."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_POLL_S = 0.1


class _End:
    """The last message of a thread: it is done, or `error` stopped it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def work_ahead(items: Iterable[T], *, depth: int) -> Generator[T, None, None]:
    """Draw `items` in a thread, at most `depth` of them ahead of the reader.

    Chains of generators thereby become pipelines: `work_ahead(detect(work_ahead(decode())))` decodes, detects and
    does what the caller does at the same time, as far as the work lets go of the interpreter lock, and never holds
    more than the depths together allow.

    Args:
        items: iterated by the thread, which also closes the iterator; errors in it are raised here.
        depth: bound on what waits.

    Yields:
        The items, in order. Closing this generator early stops the thread and waits for it.
    """
    queue: Queue[T | _End] = Queue(maxsize=depth)
    left = threading.Event()
    worker = threading.Thread(target=_draw, args=(iter(items), queue, left), name="work-ahead", daemon=True)
    worker.start()
    try:
        while not isinstance(message := queue.get(), _End):
            yield message
        if message.error is not None:
            raise message.error
    finally:
        left.set()
        worker.join()


def _draw(items: Iterator[T], queue: "Queue[T | _End]", left: threading.Event) -> None:
    """Put item after item until they end or the reader has left; close them in the thread that drew them."""
    end = _End()
    try:
        for item in items:
            if not _put(queue, item, left):
                break
    except BaseException as error:
        end = _End(error)
    finally:
        if close := getattr(items, "close", None):
            close()
        _put(queue, end, left)


def _put(queue: "Queue[T | _End]", message: T | _End, left: threading.Event) -> bool:
    """Wait for room; give up once nobody reads any more."""
    while not left.is_set():
        with suppress(Full):
            queue.put(message, timeout=_POLL_S)
            return True
    return False


def work_beside(
    work: Callable[[T], R], items: Iterable[T], *, jobs: int, finished: Callable[[R], object] = lambda _: None
) -> Iterator[R]:
    """Work on `items` in threads, while the caller's own thread draws the next of them.

    Args:
        work: done to each item in one of the threads.
        items: iterated by the caller's thread, at most `jobs` + 1 ahead of the results.
        jobs: number of threads.
        finished: told of each result, in order, before it is yielded; and after an early end, or an error, of those
            whose work had begun.

    Yields:
        The results, in order. Closing this generator early drops what has not begun and waits for the rest.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(jobs, thread_name_prefix="work-beside") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                while len(waiting) > jobs or (waiting and waiting[0].done()):
                    yield _first_of(waiting, finished)
            while waiting:
                yield _first_of(waiting, finished)
        finally:
            for each in waiting:
                if not each.cancel() and each.exception() is None:
                    finished(each.result())


def _first_of(waiting: deque[Future[R]], finished: Callable[[R], object]) -> R:
    # Taken off only when told of, so that an interruption in between finds it still waiting.
    result = waiting[0].result()
    finished(result)
    waiting.popleft()
    return result
