import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from nobodies.imaging.ahead import work_ahead


def test_items_come_in_order() -> None:
    assert list(work_ahead(range(100), depth=3)) == list(range(100))
    assert list(work_ahead([], depth=1)) == []
    assert list(work_ahead(work_ahead(range(50), depth=2), depth=2)) == list(range(50))


def test_no_more_is_drawn_than_the_depth_allows() -> None:
    drawn: list[int] = []

    def draw() -> Iterator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    with closing(work_ahead(draw(), depth=3)) as items:
        for taken in range(1, 20):
            next(items)
            time.sleep(0.002)
            assert len(drawn) <= taken + 3 + 1  # those that wait, and one in the hand of the thread


def test_work_goes_on_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    def draw() -> Iterator[int]:
        for number in range(5):
            both.wait()  # would wait for ever if the reader did not come at the same time
            yield number

    stage = work_ahead(draw(), depth=1)
    meeting = threading.Thread(target=lambda: [both.wait() for _ in range(5)])
    meeting.start()
    assert list(stage) == [0, 1, 2, 3, 4]
    meeting.join()


def test_errors_come_after_the_items_before_them() -> None:
    def draw() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    items = work_ahead(draw(), depth=5)
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_closing_early_ends_the_thread_and_closes_what_it_drew_from() -> None:
    closed: list[str] = []

    def draw(name: str, items: Iterator[int]) -> Iterator[int]:
        try:
            yield from items
        finally:
            closed.append(name)

    before = threading.active_count()
    inner = work_ahead(draw("inner", itertools.count()), depth=2)
    with closing(work_ahead(draw("outer", inner), depth=2)) as items:
        assert next(items) == 0
        assert threading.active_count() == before + 2
    assert threading.active_count() == before
    assert sorted(closed) == ["inner", "outer"]
