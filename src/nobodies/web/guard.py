"""The outermost layer: limits on what comes in, headers on what goes out, and the count of both.

Plain ASGI, since it sees every request, and streams pass through it untouched.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nobodies.web.metrics import Metrics
from nobodies.web.problems import Problem

_log = logging.getLogger(__name__)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final = ((b"x-content-type-options", b"nosniff"),)
_PAGE_HEADERS: Final = (
    *_ALWAYS,
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(self), display-capture=(self), microphone=(), geolocation=(), payment=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
# Pictures may be shown by other sites, and run nothing even if opened by themselves.
_PICTURE_HEADERS: Final = (
    *_ALWAYS,
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)


class TooSlowError(OSError):
    """A client does not accept its answer. To the application, it is gone."""


class Guard:
    """Keeps what comes from outside within limits."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        connections: int,
        body_bytes: int,
        body_s: float = 30.0,
        send_s: float = 60.0,
        is_leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            metrics: counts answers.
            connections: requests worked on at once; more are answered 503 at once.
            body_bytes: largest body of a request.
            body_s: longest that a body may take to arrive.
            send_s: longest that a client may take to accept one part of an answer.
            is_leaving: tells whether the server is about to stop; then connections are closed after their answers.
        """
        self._app = app
        self._metrics = metrics
        self._connections = connections
        self._body_bytes = body_bytes
        self._body_s = body_s
        self._send_s = send_s
        self._is_leaving = is_leaving
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answering = _Answering(scope, send, self._metrics, self._send_s, closing=self._is_leaving())
        if self._open >= self._connections:
            await self._refuse(
                scope, answering, Problem(503, "busy", "too many requests at once", {"Retry-After": "1"})
            )
            return
        if _declared_bytes(scope) > self._body_bytes:
            await self._refuse(scope, answering, Problem(413, "too-large", _too_large(self._body_bytes)))
            return
        self._open += 1
        try:
            await self._pass_on(scope, receive, answering)
        finally:
            self._open -= 1

    async def _pass_on(self, scope: Scope, receive: Receive, answering: "_Answering") -> None:
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server sends no body for HEAD by itself
        try:
            await self._app(scope, _Body(receive, self._body_bytes, self._body_s), answering)
        except (ClientDisconnect, TooSlowError):
            _log.info("a client left, or was too slow to accept an answer")
        finally:
            answering.count(scope)

    async def _refuse(self, scope: Scope, answering: "_Answering", problem: Problem) -> None:
        await problem.response()(scope, _nothing, answering)
        answering.count(scope)


class _Answering:
    """Sends an answer with the headers that belong to it, and remembers how it went."""

    def __init__(self, scope: Scope, send: Send, metrics: Metrics, send_s: float, *, closing: bool) -> None:
        self._is_picture = scope["path"].startswith("/face") and "." in scope["path"]
        self._send = send
        self._metrics = metrics
        self._send_s = send_s
        self._closing = ((b"connection", b"close"),) if closing else ()
        self._status = 500
        self._begun_at = time.perf_counter()
        self._taken_s = 0.0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._taken_s = time.perf_counter() - self._begun_at
            extra = _PICTURE_HEADERS if self._is_picture and self._status < 400 else _PAGE_HEADERS
            message = {
                **message,
                "headers": [*message["headers"], *_missing(message["headers"], extra), *self._closing],
            }
            await self._send(message)
            return
        try:
            async with asyncio.timeout(self._send_s):
                await self._send(message)
        except TimeoutError:
            raise TooSlowError from None

    def count(self, scope: Scope) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.request(route, self._status, self._taken_s)


class _Body:
    """Receives a body, within limits."""

    def __init__(self, receive: Receive, limit_bytes: int, limit_s: float) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._limit_s = limit_s
        self._ends_at: float | None = None
        self._bytes = 0
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()  # now only the end of the connection is waited for
        if self._ends_at is None:
            self._ends_at = asyncio.get_running_loop().time() + self._limit_s
        try:
            async with asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "the body took too long to arrive") from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._limit_bytes:
            raise HTTPException(413, _too_large(self._limit_bytes))
        return message


def _too_large(limit_bytes: int) -> str:
    return f"bodies of up to {limit_bytes / 1e6:g} MB are taken"


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _missing(
    headers: Iterable[tuple[bytes, bytes]], wanted: Iterable[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    there = {name.lower() for name, _ in headers}
    return [(name, value) for name, value in wanted if name not in there]


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
