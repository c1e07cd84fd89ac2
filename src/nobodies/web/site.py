"""`Site`: what lives as long as the server, and what the routes call."""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from typing import Final

from nobodies.database import Database
from nobodies.errors import BusyError, NobodiesError, SettingError
from nobodies.generator import Generator
from nobodies.settings import FaceSettings, MarkSettings, UniqueSettings, WebSettings
from nobodies.uniqueness.ledger import open_ledger
from nobodies.web.asked import Asked, Portrait
from nobodies.web.browser_page import BrowserPage
from nobodies.web.cache import ByteCache, DiskCache
from nobodies.web.exclusive import Claim, Exclusives, Look
from nobodies.web.features import Features
from nobodies.web.game import Game
from nobodies.web.keys import Keys, Rate, read_keys, read_secret
from nobodies.web.known import KnownAddresses
from nobodies.web.metrics import Metrics
from nobodies.web.pictures import Pictures
from nobodies.web.pool import FacePool, Ready, SeedStock, new_seed
from nobodies.web.shared import SharedKeys, SharedRate
from nobodies.web.workshop import Slots, Workshop

_log = logging.getLogger(__name__)

_RETRY_LOAD_S: Final = 10.0
_FIRST_WAIT_S: Final = 30.0
_MOST_REFUSED: Final = 20
_LONGEST_START_S: Final = 120.0
_GLANCE_S: Final = 0.02
ANY_SEED: Final = 0
"""Stands where a seed will be chosen later."""
_MOST_FAULTY: Final = 8
"""After so many, the next is given as it is: far from the default truncation, all are faulty."""


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face that nobody has had, and its picture."""

    seed: int
    picture: bytes
    asked: Asked
    exclusive: bool | None = None
    """Whether it is recorded as given; None on a site that keeps no ledger."""


class Site:
    """Everything a server has: the generator once it is loaded, workshop, pool, caches, limits."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        load: Callable[[], tuple[Generator, Features]],
        marks: MarkSettings | None = None,
        secret: bytes | None = None,
        unique: UniqueSettings | None = None,
    ) -> None:
        """Set up; nothing is loaded, and no database asked, before `open`.

        Args:
            settings: limits and sizes.
            load: gives generator and features; called in a thread.
            marks: how pictures say that they were generated; all marks that can be made if None.
            secret: signs passes and rounds of the game; the same in all processes of a server. That of the
                settings if None, or a new one.
            unique: when two faces count as one person.

        Raises:
            SettingError: keys, secret, photographs, page for browsers or the address of the database cannot be read.
            DependencyError: there is an address, and the extra postgres is not installed.
            OutputError: the folder for pictures cannot be made.
        """
        self.settings = settings
        self.features = Features()
        self.metrics = Metrics()
        self.workshop = Workshop(threads=_num_cores() + 1, queue_limit=settings.queue_limit, wait_s=settings.wait_s)
        secret = secret or read_secret(settings.secret_file)
        self._shared = shared = Database(settings.shared) if settings.shared else None
        store = SharedKeys(shared) if shared and settings.shared_keys else None
        self.keys = Keys(read_keys(settings.keys_file), secret, store=store)
        per_minute = settings.rate_per_minute
        self.rate = SharedRate(shared, per_minute) if shared else Rate(per_minute)
        self.exclusives = _exclusives(settings, unique or UniqueSettings()) if settings.unique else None
        self.is_leaving = False
        """Whether this server serves on only until its visitors have gone elsewhere."""
        self.game = Game(settings.real_photos, secret) if settings.real_photos else None
        self.browser_page = BrowserPage(settings.browser_page) if settings.browser_page else None
        self._seeds = SeedStock(self._screened)
        self.pool = FacePool(settings.pool_faces, self.new_seed, self._make_spare)
        self.memory: ByteCache[str, bytes] = ByteCache(settings.cache_mb << 20, len)
        """Finished pictures by their addresses."""
        self.known = KnownAddresses()
        self.live = Slots(settings.live_limit, "live detections")
        self.archives = Slots(settings.archives, "archives")
        self._secret = secret
        self._load = load
        self._marks = marks
        self._disk = DiskCache(settings.disk_cache, settings.disk_cache_mb << 20) if settings.disk_cache else None
        self._generator: Generator | None = None
        self._pictures: Pictures | None = None
        self._loaded = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: str | None = None
        self._watch()

    @property
    def is_ready(self) -> bool:
        """Whether faces can be drawn."""
        return self._loaded.is_set()

    @property
    def is_failing(self) -> bool:
        """Whether the last try to load the model failed."""
        return self._failure is not None

    @property
    def generator(self) -> Generator:
        """The generator; only after `ready`."""
        assert self._generator is not None, "await ready() first"
        return self._generator

    @property
    def pictures(self) -> Pictures:
        """The pictures; only after `ready`."""
        assert self._pictures is not None, "await ready() first"
        return self._pictures

    async def open(self) -> None:
        """Begin to load the model, and to fill the pool once that is done."""
        self._tasks.append(asyncio.create_task(self._open()))
        if self.exclusives:
            self._tasks.append(asyncio.create_task(self.exclusives.keep_open()))

    async def settled(self, longest_s: float = _LONGEST_START_S) -> None:
        """Wait until faces can be drawn and the ledger was tried, this server is told to go, or it takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                while not (self.is_leaving or (self.is_ready and not self.is_reading)):
                    await asyncio.sleep(_GLANCE_S)

    @property
    def is_reading(self) -> bool:
        """Whether the ledger has yet to be read for the first time."""
        return self.exclusives is not None and not self.exclusives.has_tried

    def drain(self) -> None:
        """Say from now on that this server is about to stop, and serve on."""
        self.is_leaving = True

    async def close(self) -> None:
        """Finish what has begun and stop."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.workshop.close()
        if self.exclusives:
            await self.exclusives.close()
        if self._shared:
            self._shared.close()

    async def ready(self) -> None:
        """Wait a while for the model.

        Raises:
            BusyError: it is still not there.
        """
        if self._loaded.is_set():
            return
        if self._failure:
            raise BusyError("the model cannot be loaded now; the operator's log says why", retry_after_s=10)
        try:
            async with asyncio.timeout(min(_FIRST_WAIT_S, self.settings.wait_s)):
                await self._loaded.wait()
        except TimeoutError:
            raise BusyError("the model is being made ready", retry_after_s=5) from None

    async def picture(self, asked: Asked) -> bytes:
        """Give a picture.

        Raises:
            SettingError: it cannot be made as asked.
            BusyError: too much is going on.
        """
        return await self.pictures.get(asked)

    async def new_face(self, *, exclusive: bool = False) -> NewFace:
        """Give a new face to one visitor: out of the pool, or drawn now.

        Args:
            exclusive: give none that is not recorded in the ledger as given.

        Raises:
            BusyError: too much is going on; or it is to be exclusive, and the ledger does not answer.
            SettingError: it is to be exclusive, and this site keeps no ledger.
        """
        self.require_ledger(exclusive=exclusive)
        while (ready := self.pool.take()) is not None:
            try:
                claim = await self._claim(ready.look, exclusive=exclusive)
            except BusyError:
                self.pool.give_back(ready)
                raise
            if claim.may_be_given:
                self.metrics.faces.labels("pool").inc()
                asked = Asked(Portrait(ready.seed))
                self.pictures.keep(asked, ready.picture)
                return NewFace(ready.seed, ready.picture, asked, self._said(claim))
        return await self.drawn_face(Asked(Portrait(ANY_SEED)), exclusive=exclusive)

    async def drawn_face(self, asked: Asked, *, exclusive: bool = False) -> NewFace:
        """Draw a new face now, in a form that the pool does not have; if it is refused, that of another seed.

        Args:
            asked: the form; its seed is not looked at.
            exclusive: give none that is not recorded in the ledger as given.

        Raises:
            BusyError: as for `new_face`; or face after face resembles one that was given.
            SettingError: as for `new_face`.
        """
        self.require_ledger(exclusive=exclusive)
        num_faulty = 0
        for _ in range(_MOST_REFUSED):
            asked = replace(asked, portrait=replace(asked.portrait, seed=self.new_seed()))
            ready = await self.pictures.get_new(asked, gated=num_faulty < _MOST_FAULTY)
            if ready is None:
                num_faulty += 1
                self.metrics.refused.labels("fault").inc()
            elif (claim := await self._claim(ready.look, exclusive=exclusive)).may_be_given:
                self.metrics.faces.labels("drawn").inc()
                return NewFace(ready.seed, ready.picture, asked, self._said(claim))
        raise BusyError("every face that was drawn resembles one given before: try again", retry_after_s=1)

    def require_ledger(self, *, exclusive: bool) -> None:
        """Refuse to give exclusive faces without a ledger.

        Raises:
            SettingError: this site keeps none.
        """
        if exclusive and self.exclusives is None:
            raise SettingError("this server keeps no ledger of faces given: leave out exclusive")

    async def _claim(self, look: Look | None, *, exclusive: bool) -> Claim:
        if self.exclusives is None or look is None:
            return Claim(recorded=False, may_be_given=not exclusive)
        claim = await self.exclusives.claim(look, insist=exclusive)
        if not claim.may_be_given:
            self.metrics.refused.labels("likeness").inc()
        return claim

    def _said(self, claim: Claim) -> bool | None:
        return claim.recorded if self.exclusives else None

    def new_seed(self) -> int:
        """Give a seed that nobody has had.

        Where attributes are known, its face does not look like a minor's; where there is a gate, its style code
        does not promise a fault.
        """
        return self._seeds.take()

    def _screened(self, seeds: list[int]) -> list[int]:
        """Give those of some seeds that may come up by chance."""
        attributes, gate = self.features.attributes, self.features.gate
        if attributes is not None:
            seeds = list(compress(seeds, attributes.may_be_shown(seeds)))
        if gate is not None and seeds:
            seeds = list(compress(seeds, gate.screen(self.generator.styles_of_seeds(seeds, FaceSettings()))))
        return seeds

    async def new_seeds(self, count: int, *, exclusive: bool = False) -> list[tuple[int, bool | None]]:
        """Give seeds that nobody has had, first those whose pictures are ready, and whether they are exclusive.

        A site that keeps a ledger draws them all, since only a face that was drawn can be claimed.

        Raises:
            BusyError: as for `new_face`.
            SettingError: as for `new_face`.
        """
        self.require_ledger(exclusive=exclusive)
        if self.exclusives:
            faces = [await self.new_face(exclusive=exclusive) for _ in range(count)]
            return [(face.seed, face.exclusive) for face in faces]
        seeds = []
        for _ in range(count):
            ready = self.pool.take()
            if ready is not None:
                self.pictures.keep(Asked(Portrait(ready.seed)), ready.picture)
            seeds.append(ready.seed if ready else self.new_seed())
        self.metrics.faces.labels("addresses").inc(count)
        return [(seed, None) for seed in seeds]

    def visitor(self, address: str) -> str:
        """Give a name for a visitor that says nothing outside of this server."""
        return hmac.new(self._secret, address.encode(), hashlib.sha256).hexdigest()[:16]

    async def _open(self) -> None:
        while not await self._try_to_load():
            await asyncio.sleep(_RETRY_LOAD_S)
        # One thread fewer than there are, so that a visitor's picture is begun at once.
        self._tasks += [asyncio.create_task(self.pool.fill()) for _ in range(self.workshop.threads - 1)]

    async def _try_to_load(self) -> bool:
        try:
            generator, features = await asyncio.to_thread(self._load)
            pictures = Pictures(
                generator,
                features,
                self.workshop,
                memory=self.memory,
                disk=self._disk,
                marks=self._marks,
                looks=self.exclusives is not None,
            )
            # The first picture is the slow one: it compiles the graph, and may make a key to sign with.
            await asyncio.to_thread(pictures.draw, Asked(Portrait(new_seed())))
        except NobodiesError as error:
            self._failure = str(error)
            _log.error("the model cannot be loaded: %s", error)
            return False
        except Exception as error:
            self._failure = str(error)
            _log.exception("the model cannot be loaded")
            return False
        self._generator, self.features, self._pictures, self._failure = generator, features, pictures, None
        self._seeds = SeedStock(self._screened)
        self._loaded.set()
        return True

    async def _make_spare(self, seed: int) -> Ready | None:
        ready = await self.pictures.get_new(Asked(Portrait(seed)), spare=True)
        if ready is None:
            self.metrics.refused.labels("fault").inc()
        return ready

    def _watch(self) -> None:
        self.metrics.watch("nobodies_pool_faces", "New faces that are ready.", lambda: len(self.pool))
        self.metrics.watch("nobodies_asked", "Work that visitors wait for.", lambda: self.workshop.asked)
        self.metrics.watch("nobodies_waiting", "Work that waits for a thread.", lambda: self.workshop.waiting)
        self.metrics.watch(
            "nobodies_cache_bytes",
            "Finished pictures in memory.",
            lambda: self.memory.used_bytes,
        )
        if (exclusives := self.exclusives) is not None:
            self.metrics.watch(
                "nobodies_ledger_answers",
                "1 while the ledger of faces given answers, 0 while it does not.",
                lambda: float(exclusives.answers),
            )


def _exclusives(settings: WebSettings, unique: UniqueSettings) -> Exclusives:
    place = settings.ledger or settings.shared
    return Exclusives(partial(open_ledger, unique, place), wait_s=settings.wait_s)


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
