"""Faces that go to one visitor only, in the eye of the identity net: the ledger, as a site uses it."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from nobodies.errors import BusyError, NobodiesError, UnreachableError
from nobodies.generator import Face
from nobodies.provenance.marks import digest_of
from nobodies.uniqueness.ledger import Ledger
from nobodies.uniqueness.look import Embedding, embedding_of

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

_RETRY_S: Final = 2
_PATIENCE_S: Final = 2.0
_REFRESH_S: Final = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Whom a face shows."""

    name: str
    """Of the face, from its recipe."""
    embedding: Embedding | None
    """None if no face can be found in the picture."""

    @classmethod
    def of(cls, face: Face) -> "Look":
        """Look at a face; takes about as long as half of drawing it."""
        return cls(f"{digest_of(face.recipe()):016x}", embedding_of(face.pixels))


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of the claim of a face."""

    recorded: bool
    may_be_given: bool


class Exclusives:
    """Claims faces in a ledger, in a thread of its own, so that one that does not answer holds up nothing else."""

    def __init__(self, open_ledger: Callable[[], Ledger], *, wait_s: float) -> None:
        """Set up; the ledger is opened by `keep_open`.

        Args:
            open_ledger: opens it; tried again while it cannot be.
            wait_s: longest that a visitor who insists waits for the ledger.
        """
        self._open = open_ledger
        self._wait_s = wait_s
        self._ledger: Ledger | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._answers = False
        self._has_tried = False

    @property
    def has_tried(self) -> bool:
        """Whether the ledger has been read, or could not be: before, nothing is known of faces given and blocked."""
        return self._has_tried

    @property
    def answers(self) -> bool:
        """Whether the ledger answered when it was last asked."""
        return self._answers

    async def keep_open(self) -> None:
        """Open the ledger, as soon as that can be done, and keep up with what other servers record."""
        while True:
            try:
                await self._asked(lambda ledger: ledger.refresh())
            except NobodiesError:
                await asyncio.sleep(_RETRY_S)
            else:
                await asyncio.sleep(_REFRESH_S)

    async def require(self) -> None:
        """Make sure that the ledger answers.

        Raises:
            BusyError: it does not.
        """
        await self._within(self._wait_s, lambda ledger: ledger.refresh())

    async def claim(self, look: Look, *, insist: bool) -> Claim:
        """Record a face as given, before it is given.

        Args:
            look: whom it shows. A picture in which no face can be found is not given.
            insist: take no for an answer only from the ledger itself.

        Returns:
            Whether it is recorded, and whether it may be given. While the ledger does not answer, a face may be given
            without being recorded, to those who do not insist, unless it resembles one that this process knows.

        Raises:
            BusyError: the ledger does not answer, and `insist` is set.
        """
        embedding = look.embedding
        if embedding is None:
            return Claim(recorded=False, may_be_given=False)
        holder = secrets.token_hex(8)  # a new one each time: a second claim of the same face is refused
        # Before the ledger was read for the first time, nothing is known of blocked people: that is waited for.
        wait_s = self._wait_s if insist or not self._has_tried else _PATIENCE_S
        try:
            match = await self._within(wait_s, lambda ledger: ledger.claim(look.name, embedding, holder=holder))
        except BusyError:
            if insist:
                raise
            known = self._ledger is not None and await asyncio.to_thread(self._ledger.seems_resembled, embedding)
            return Claim(recorded=False, may_be_given=not known)
        return Claim(recorded=match is None, may_be_given=match is None)

    async def close(self) -> None:
        """Finish what has begun, and let go of the ledger."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
        if self._ledger is not None:
            with contextlib.suppress(NobodiesError):
                self._ledger.close()

    async def _within(self, wait_s: float, ask: Callable[[Ledger], Result]) -> Result:
        try:
            async with asyncio.timeout(wait_s):
                return await self._asked(ask)
        except TimeoutError:
            raise UnreachableError("the ledger takes too long to answer", retry_after_s=_RETRY_S) from None
        except NobodiesError as error:
            raise UnreachableError("the ledger of faces does not answer now", retry_after_s=_RETRY_S) from error

    async def _asked(self, ask: Callable[[Ledger], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, ask)

    def _ask(self, ask: Callable[[Ledger], Result]) -> Result:
        """Ask the ledger; in its thread, and only there."""
        try:
            if self._ledger is None:
                self._ledger = self._open()
            answer = ask(self._ledger)
        except NobodiesError as error:
            self._note(answers=False, why=str(error))
            raise
        self._note(answers=True)
        return answer

    def _note(self, *, answers: bool, why: str = "") -> None:
        self._has_tried = True
        if self._answers and not answers:
            _log.warning("faces are given without being recorded, except to those who insist: %s", why)
        elif answers and not self._answers:
            _log.info("faces are recorded in the ledger before they are given")
        self._answers = answers
