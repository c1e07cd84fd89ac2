"""Every error as problem JSON (RFC 9457), or as a page for a browser; from one place."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from nobodies.errors import BusyError, DependencyError, InputError, NobodiesError, SettingError, ShapeError
from nobodies.web.rendering import render

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_MOST_FAULTS: Final = 5
_KINDS: Final = {405: "method", 408: "slow", 413: "too-large"}
_ONLY_PROGRAMS: Final = ("/api/", "/face.", "/metrics", "/healthz", "/readyz", "/game/")


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for programs and for people."""

    status: int
    kind: str
    """Last part of the problem's type, which /api explains."""
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name of the HTTP status."""
        return HTTPStatus(self.status).phrase

    def response(self) -> Response:
        """Write it as RFC 9457 says."""
        body = {"type": f"/api#{self.kind}", "title": self.title, "status": self.status, "detail": self.detail}
        return Response(
            json.dumps(body), self.status, {**self.headers, "Cache-Control": "no-store"}, media_type=MEDIA_TYPE
        )


class ProblemError(Exception):
    """Leaves a route with a problem as its answer."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        """Take the parts of a `Problem`."""
        super().__init__(detail)
        self.problem = Problem(status, kind, detail, headers or {})


def problem_of(error: Exception) -> Problem:
    """Say what an error means to a visitor. What nobody foresaw is a bug: it is told nothing but that."""
    match error:
        case ProblemError():
            return error.problem
        case BusyError():
            return Problem(503, "busy", str(error), {"Retry-After": str(error.retry_after_s)})
        case InputError():
            return Problem(422, "unreadable", str(error))
        case SettingError() | ShapeError():
            return Problem(422, "invalid", str(error))
        case RequestValidationError():
            return Problem(422, "invalid", _faults(error))
        case HTTPException(status_code=404):
            return Problem(404, "not-found", "there is nothing at this address")
        case HTTPException():
            kind = _KINDS.get(error.status_code, "invalid")
            return Problem(error.status_code, kind, error.detail, error.headers or {})
        case DependencyError() | NobodiesError():
            _log.error("%s: %s", type(error).__name__, error)
            return Problem(500, "server", "this server is not set up for that; its operator's log says why")
        case _:
            return Problem(500, "server", "an error in this server; its operator's log says more")


async def answer(request: Request, error: Exception) -> Response:
    """Answer an error: a page if a browser shows it to somebody, problem JSON otherwise."""
    problem = problem_of(error)
    if wants_page(request):
        page = render(request, "error.html", status=problem.status, problem=problem)
        page.headers.update(problem.headers)
        return page
    return problem.response()


def install(app: FastAPI) -> None:
    """Make `answer` the one handler of all errors."""
    for kind in (ProblemError, NobodiesError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def wants_page(request: Request) -> bool:
    """Tell whether a person looks at the answer."""
    path = request.url.path
    is_page = not path.startswith(_ONLY_PROGRAMS) and "." not in path.rsplit("/", 1)[-1]
    return is_page and "text/html" in request.headers.get("accept", "")


def _faults(error: RequestValidationError) -> str:
    faults = error.errors()
    lines = [_fault(each) for each in faults[:_MOST_FAULTS]]
    if len(faults) > _MOST_FAULTS:
        lines.append(f"and {len(faults) - _MOST_FAULTS} more")
    return "; ".join(lines)


def _fault(fault: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in fault["loc"][1:])[:60]
    if fault["type"] == "extra_forbidden":
        return f"{place} is not known here"
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
