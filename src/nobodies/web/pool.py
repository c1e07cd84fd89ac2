"""New faces that are ready before anybody asks: each is given to one visitor only."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from nobodies.web.exclusive import Look

_log = logging.getLogger(__name__)

_PAUSE_AFTER_ERROR_S: Final = 5.0
_CALM_S: Final = 0.05
_SCREENED_SEEDS: Final = 16


@dataclass(frozen=True, slots=True)
class Ready:
    """A new face and its picture."""

    seed: int
    picture: bytes
    look: Look | None = None
    """Whom it shows, where that is asked for."""


def new_seed() -> int:
    """Draw a seed nobody has had: of 2**64, by the system's own randomness."""
    return secrets.randbits(64)


class SeedStock:
    """Seeds that nobody has had and that may come up by chance. Some are screened at once, which takes less time."""

    def __init__(self, screen: Callable[[list[int]], list[int]]) -> None:
        """Take what gives those of some seeds that may come up."""
        self._screen = screen
        self._seeds: deque[int] = deque()

    def take(self) -> int:
        """Give a seed that nobody else gets."""
        while True:
            try:
                return self._seeds.popleft()
            except IndexError:
                self._seeds.extend(self._screen([new_seed() for _ in range(_SCREENED_SEEDS)]))


class FacePool:
    """A bounded store of new faces, filled while nobody waits for anything else."""

    def __init__(self, limit: int, choose: Callable[[], int], make: Callable[[int], Awaitable[Ready | None]]) -> None:
        """Set up; `fill` does the work.

        Args:
            limit: most faces kept.
            choose: gives a seed that nobody has had.
            make: draws the picture of a seed, when there is nothing more urgent to do; None if it may not leave.
        """
        self._limit = limit
        self._choose = choose
        self._make = make
        self._ready: deque[Ready] = deque()
        self._in_work = 0
        self._taken_at = 0.0
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._ready)

    def take(self) -> Ready | None:
        """Give a face that nobody else gets, or None if there is none just now."""
        if not self._ready:
            return None
        taken = self._ready.popleft()
        self._taken_at = time.monotonic()
        self._room.set()
        return taken

    def give_back(self, face: Ready) -> None:
        """Put back a face that was taken and not given."""
        self._ready.appendleft(face)

    async def fill(self) -> None:
        """Keep the pool full for as long as the server runs. Several may run at once."""
        while True:
            while len(self._ready) + self._in_work >= self._limit:
                self._room.clear()
                await self._room.wait()
            if (pause_s := self._rush_s()) > 0:
                await asyncio.sleep(pause_s)
            else:
                await self._add()

    def _rush_s(self) -> float:
        """How long to let visitors go first, while there are faces: drawing takes the processor that answers them."""
        return self._taken_at + _CALM_S - time.monotonic() if self._ready else 0.0

    async def _add(self) -> None:
        self._in_work += 1
        try:
            if (ready := await self._make(self._choose())) is not None:
                self._ready.append(ready)
        except Exception:  # one face that cannot be drawn is logged; it must not end the filling
            _log.exception("a face for the pool could not be drawn")
            await asyncio.sleep(_PAUSE_AFTER_ERROR_S)
        finally:
            self._in_work -= 1
