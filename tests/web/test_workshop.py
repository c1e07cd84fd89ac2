import asyncio
import threading
import time

import pytest

from nobodies.errors import BusyError
from nobodies.web.workshop import Flights, Slots, Workshop


def _workshop(**options: float) -> Workshop:
    return Workshop(**({"threads": 2, "queue_limit": 3, "wait_s": 5} | options))  # type: ignore[arg-type]


def test_work_leaves_the_event_loop() -> None:
    async def run() -> None:
        workshop = _workshop()
        assert await workshop.run(threading.get_ident) != threading.get_ident()
        await workshop.close()

    asyncio.run(run())


def test_more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_done() -> None:
    async def run() -> None:
        workshop, gate = _workshop(), threading.Event()
        tasks = [asyncio.create_task(workshop.run(gate.wait)) for _ in range(5)]
        await asyncio.sleep(0.01)
        assert workshop.waiting == 3
        with pytest.raises(BusyError) as refused:
            await workshop.run(gate.wait)
        assert refused.value.retry_after_s >= 1
        gate.set()
        assert await asyncio.gather(*tasks) == [True] * 5
        assert workshop.asked == 0
        assert await workshop.run(lambda: 7) == 7
        await workshop.close()

    asyncio.run(run())


def test_who_waits_too_long_is_told_so() -> None:
    async def run() -> None:
        workshop, gate = _workshop(wait_s=0.05), threading.Event()
        with pytest.raises(BusyError, match="too long"):
            await workshop.run(gate.wait)
        assert workshop.asked == 0
        gate.set()
        await workshop.close()

    asyncio.run(run())


def test_work_that_is_cancelled_in_the_queue_is_never_done() -> None:
    async def run() -> None:
        workshop, gate, done = _workshop(threads=1), threading.Event(), []
        first = asyncio.create_task(workshop.run(gate.wait))
        second = asyncio.create_task(workshop.run(lambda: done.append(2)))
        await asyncio.sleep(0.01)
        second.cancel()
        await asyncio.sleep(0.01)
        gate.set()
        await first
        await workshop.run(lambda: done.append(3))
        assert done == [3]
        await workshop.close()

    asyncio.run(run())


def test_spare_work_waits_until_no_visitor_does() -> None:
    async def run() -> None:
        workshop, gate, done = _workshop(), threading.Event(), []
        visitor = asyncio.create_task(workshop.run(gate.wait))
        await asyncio.sleep(0.01)
        spare = asyncio.create_task(workshop.run_spare(lambda: done.append(1)))
        await asyncio.sleep(0.05)
        assert not done
        gate.set()
        await visitor
        await spare
        assert done == [1]
        await workshop.close()

    asyncio.run(run())


def test_the_advice_when_to_come_back_grows_with_the_queue() -> None:
    async def run() -> None:
        workshop = _workshop(threads=1, queue_limit=100)
        for _ in range(20):
            await workshop.run(lambda: time.sleep(0.02))
        gate = threading.Event()
        tasks = [asyncio.create_task(workshop.run(gate.wait)) for _ in range(100)]
        await asyncio.sleep(0.01)
        assert workshop.retry_after_s >= 2
        gate.set()
        await asyncio.gather(*tasks)
        await workshop.close()

    asyncio.run(run())


def test_equal_requests_fly_together() -> None:
    async def run() -> None:
        flights, made = Flights(), 0

        async def make() -> int:
            nonlocal made
            made += 1
            await asyncio.sleep(0.01)
            return made

        assert await asyncio.gather(*(flights.once("a", make) for _ in range(10))) == [1] * 10
        assert await flights.once("a", make) == 2
        assert len(flights) == 0

    asyncio.run(run())


def test_an_error_reaches_everybody_and_is_not_kept() -> None:
    async def run() -> None:
        flights = Flights()

        async def fail() -> int:
            await asyncio.sleep(0.01)
            raise ValueError("no")

        async def succeed() -> int:
            return 1

        outcomes = await asyncio.gather(*(flights.once("a", fail) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in outcomes] == [ValueError] * 3
        assert await flights.once("a", succeed) == 1

    asyncio.run(run())


def test_work_goes_on_while_one_passenger_is_left_and_stops_with_the_last() -> None:
    async def run() -> None:
        flights, outcome = Flights(), []

        async def make() -> None:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                outcome.append("stopped")
                raise

        first, second = (asyncio.create_task(flights.once("a", make)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        assert outcome == []
        second.cancel()
        await asyncio.sleep(0.01)
        assert outcome == ["stopped"]
        assert len(flights) == 0

    asyncio.run(run())


def test_slots_are_given_back() -> None:
    slots = Slots(1, "archives")
    with slots, pytest.raises(BusyError, match="archives"), slots:
        pass
    with slots:
        assert slots.taken == 1
    assert slots.taken == 0
