"""What routes have in common: the site, who may call, and what every description of an error looks like."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from nobodies.web.problems import MEDIA_TYPE, ProblemError
from nobodies.web.site import Site

Result = TypeVar("Result")


# These are coroutines, since FastAPI sends plain functions through a thread, for each request anew.
async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


async def _ready_site(request: Request) -> Site:
    site = await _site(request)
    await site.ready()
    return site


AnySite = Annotated[Site, Depends(_site)]
"""The site, loaded or not."""
ReadySite = Annotated[Site, Depends(_ready_site)]
"""The site with its model loaded; a request waits a while for that."""


async def limit_rate(request: Request) -> None:
    """Refuse a visitor who asks too often, if the operator has set a rate."""
    site = await _site(request)
    if not site.settings.rate_per_minute:
        return
    visitor = site.visitor(request.client.host if request.client else "")
    wait_s = await asyncio.to_thread(site.rate.wait_s, visitor)  # may ask a database
    if wait_s:
        raise ProblemError(
            429, "too-often", "too many requests: slow down", {"Retry-After": str(max(1, math.ceil(wait_s)))}
        )


async def require_key(request: Request) -> None:
    """Refuse who has no key, if the operator has set keys."""
    keys = (await _site(request)).keys
    if not keys.needed:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    offered = token if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    if not await asyncio.to_thread(keys.fits, offered):  # may ask a database
        raise ProblemError(401, "key", "send a key: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})


class ProblemBody(BaseModel):
    """An error, as RFC 9457 says."""

    type: str = Field(examples=["/api#invalid"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["psi is 9: it must be between -1.5 and 1.5"])


_DESCRIBED: Final = {
    400: "The body is not text.",
    401: "A key is needed.",
    404: "There is nothing at this address.",
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    422: "Something in the request cannot be used; `detail` says what.",
    429: "Too many requests; `Retry-After` says when to come back.",
    503: "Busy, or still starting; `Retry-After` says when to come back.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return {status: {"description": _DESCRIBED[status], "content": content} for status in statuses}


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for a result, but not longer than the client does.

    Raises:
        ClientDisconnect: the client left first; the work is cancelled.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
