"""For those who run the server: is it alive, is it ready, how is it doing."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from nobodies.errors import BusyError
from nobodies.web.routes.shared import AnySite, problems

router = APIRouter(tags=["operation"])


@router.get("/healthz", response_class=PlainTextResponse)
async def alive() -> str:
    """Say that the process answers."""
    return "alive\n"


@router.get("/readyz", response_class=PlainTextResponse, responses=problems(503))
async def ready(site: AnySite) -> str:
    """Say whether faces can be drawn: 200, or 503 while model or ledger are read or missing, and before a stop."""
    if site.is_leaving:
        raise BusyError("this server is about to stop", retry_after_s=5)
    if not site.is_ready:
        reason = "the model cannot be loaded" if site.is_failing else "the model is being made ready"
        raise BusyError(reason, retry_after_s=5)
    if site.is_reading:
        raise BusyError("the ledger of faces given is being read", retry_after_s=5)
    return "ready\n"


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(site: AnySite) -> Response:
    """Give counters in the text format of Prometheus."""
    return Response(site.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
