"""Let one part of a chain of generators work ahead of the next, in a thread of its own."""

import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")

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
