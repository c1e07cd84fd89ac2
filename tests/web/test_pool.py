import asyncio
import contextlib

import pytest

from nobodies.web import pool as pool_module
from nobodies.web.pool import FacePool, Ready, new_seed


async def _filling(pool: FacePool, num: int = 1) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(pool.fill()) for _ in range(num)]
    await asyncio.sleep(0.02)
    return tasks


async def _stop(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_every_face_is_given_once_and_the_pool_fills_again() -> None:
    async def run() -> None:
        made: list[int] = []

        async def make(seed: int) -> Ready:
            made.append(seed)
            await asyncio.sleep(0)
            return Ready(seed, str(seed).encode())

        pool = FacePool(5, new_seed, make)
        assert pool.take() is None
        tasks = await _filling(pool, 3)
        assert len(pool) == len(made) == 5
        taken = []
        for _ in range(4):
            while (ready := pool.take()) is not None:
                taken.append(ready)
            await asyncio.sleep(0.2)
        assert len(taken) == 20
        assert len({ready.seed for ready in taken}) == 20
        assert all(ready.picture == str(ready.seed).encode() for ready in taken)
        assert len(pool) == 5
        await _stop(tasks)

    asyncio.run(run())


def test_a_rush_of_visitors_goes_first_while_there_are_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_CALM_S", 0.1)

    async def run() -> None:
        async def make(seed: int) -> Ready:
            return Ready(seed, b"")

        pool = FacePool(4, new_seed, make)
        tasks = await _filling(pool)
        pool.take()
        await asyncio.sleep(0.02)
        assert len(pool) == 3
        await asyncio.sleep(0.2)
        assert len(pool) == 4
        while pool.take() is not None:
            pass
        await asyncio.sleep(0.02)
        assert len(pool) >= 1, "an empty pool is filled at once"
        await _stop(tasks)

    asyncio.run(run())


def test_a_face_that_cannot_be_drawn_does_not_end_the_filling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_PAUSE_AFTER_ERROR_S", 0.001)

    async def run() -> None:
        tries = 0

        async def make(seed: int) -> Ready:
            nonlocal tries
            tries += 1
            if tries <= 2:
                raise ValueError("no")
            return Ready(seed, b"picture")

        pool = FacePool(2, new_seed, make)
        tasks = await _filling(pool)
        assert len(pool) == 2
        await _stop(tasks)

    asyncio.run(run())


def test_a_pool_of_none_draws_nothing() -> None:
    async def run() -> None:
        async def make(seed: int) -> Ready:
            raise AssertionError("nothing is to be drawn")

        pool = FacePool(0, new_seed, make)
        tasks = await _filling(pool)
        assert pool.take() is None
        await _stop(tasks)

    asyncio.run(run())
