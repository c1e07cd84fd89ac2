"""Leaving without a failed request: say so first, serve on for a while, and only then stop."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


def drain_first(drain: Callable[[], None], seconds: float) -> None:
    """Put off what SIGTERM does in this process.

    The first SIGTERM calls `drain` and leaves it at that for `seconds`, in which balancers notice that this server is
    not ready any more. A second one, or SIGINT, stops at once, as does everything where this is not called.

    Args:
        drain: makes the server say that it will go.
        seconds: how long it serves on.
    """
    stop: Any = signal.getsignal(signal.SIGTERM)
    begun = threading.Event()

    def on_term(number: int, frame: FrameType | None) -> None:
        if begun.is_set():
            stop(number, frame)
            return
        begun.set()
        drain()
        timer = threading.Timer(seconds, stop, (number, frame))
        timer.daemon = True
        timer.start()

    if callable(stop) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_term)
