"""The short way for permanent addresses: those asked for before, whose pictures are in memory, are not parsed again.

Routing and checking cost several times what is left to do for such a request; docs/results-web.md has the figures.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from nobodies.web.cache import ByteCache

_LIMIT_BYTES: Final = 16 << 20
_ENTRY_BYTES: Final = 600

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What an address turned out to mean."""

    picture: str
    """Where the picture is in the memory cache."""
    etag: str
    headers: Headers
    """Of the answer, but for the length."""
    route: Any
    """The route that answered, for the count of answers."""


class KnownAddresses:
    """Addresses by path and query, as they came."""

    def __init__(self) -> None:
        """Start with none."""
        self._known: ByteCache[tuple[str, bytes], Known] = ByteCache(_LIMIT_BYTES, lambda _: _ENTRY_BYTES)

    def note(self, scope: Scope, known: Known) -> None:
        """Remember what the address of a request means. Very long ones are not remembered."""
        if len(scope["query_string"]) < _ENTRY_BYTES // 2:
            self._known.put((scope["path"], scope["query_string"]), known)

    def find(self, scope: Scope) -> Known | None:
        """Give what the address of a request means, or None."""
        return self._known.get((scope["path"], scope["query_string"]))


class ShortWay:
    """Answers known addresses; everything else goes on to the application."""

    def __init__(self, app: ASGIApp, *, known: KnownAddresses, memory: "ByteCache[str, bytes]") -> None:
        """Wrap an application.

        Args:
            app: the application, which notes what addresses mean.
            known: what it has noted.
            memory: finished pictures.
        """
        self._app = app
        self._known = known
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith("/face/"):
            known = self._known.find(scope)
            if known is not None and await self._answer(known, scope, send):
                return
        await self._app(scope, receive, send)

    async def _answer(self, known: Known, scope: Scope, send: Send) -> bool:
        """Answer, unless the picture is not in memory any more."""
        if has_already(scope["headers"], known.etag):
            status, picture = 304, b""
        else:
            status, found = 200, self._memory.get(known.picture)
            if found is None:
                return False
            picture = found
        scope["route"] = known.route
        length = () if status == 304 else ((b"content-length", str(len(picture)).encode()),)
        await send({"type": "http.response.start", "status": status, "headers": [*known.headers, *length]})
        await send({"type": "http.response.body", "body": picture})
        return True


def has_already(headers: Iterable[tuple[bytes, bytes]], etag: str) -> bool:
    """Tell whether a client names this entity tag among those it has (If-None-Match, compared weakly)."""
    for name, value in headers:
        if name == b"if-none-match":
            offered = [each.strip().removeprefix(b"W/") for each in value.split(b",")]
            return b"*" in offered or etag.removeprefix("W/").encode() in offered
    return False
