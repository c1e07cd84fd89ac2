"""Pictures that visitors bring: faces found in them, and whether they were made here. Nothing is stored."""

import asyncio
import logging
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request, WebSocket
from pydantic import BaseModel, ConfigDict, Field
from starlette.websockets import WebSocketDisconnect

from nobodies.errors import BusyError, InputError
from nobodies.imaging.decode import read_pixels
from nobodies.web.checking import Checked, check_picture
from nobodies.web.features import Detect, Features, Pixels
from nobodies.web.problems import ProblemError, problem_of
from nobodies.web.routes.shared import ReadySite, limit_rate, problems, require_key
from nobodies.web.site import Site

router = APIRouter(
    prefix="/api/v1", tags=["pictures of yours"], dependencies=[Depends(require_key), Depends(limit_rate)]
)
live_router = APIRouter()

_log = logging.getLogger(__name__)

FRAME_BYTES: Final = 1 << 20
_FRAME_PIXELS: Final = 2_500_000
_FRAME_SHARE: Final = 1 / 20
_IDLE_S: Final = 30.0
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "the file itself",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp", "image/avif")
        },
    }
}
_ERRORS: Final = problems(401, 404, 408, 413, 422, 429, 503)


class FoundFace(BaseModel):
    """A face in a picture, in pixels of the picture, x to the right and y down."""

    box: tuple[float, float, float, float] = Field(description="left, top, right, bottom")
    score: float = Field(description="how sure the detector is, 0 to 1")
    keypoints: dict[str, tuple[float, float]] = Field(description="eyes, nose, mouth, ears; sides are the person's")


class DetectBody(BaseModel):
    """The faces found in a picture."""

    width: int
    height: int
    faces: list[FoundFace]


class DetectQuery(BaseModel):
    """How to look."""

    model_config = ConfigDict(extra="forbid")

    min_score: float = Field(0.5, gt=0, lt=1, description="leave out faces of which the detector is less sure")


@router.post("/detect", openapi_extra=_BODY, responses=_ERRORS)
async def detect(request: Request, site: ReadySite, query: Annotated[DetectQuery, Query()]) -> DetectBody:
    """Find the faces in a picture. It is forgotten once the answer is sent."""
    content = await request.body()
    return await site.workshop.run(partial(_detected, site, content, query.min_score))


def _detected(site: Site, content: bytes, min_score: float) -> DetectBody:
    pixels = _pixels(site, content)
    found = _detector(site.features)(pixels, None)
    faces = [FoundFace.model_validate(face.to_json()) for face in found]
    height, width = pixels.shape[:2]
    return DetectBody(width=width, height=height, faces=[face for face in faces if face.score >= min_score])


@router.post("/check", openapi_extra=_BODY, responses=_ERRORS, response_model_exclude_none=True)
async def check(request: Request, site: ReadySite) -> Checked:
    """Tell whether a picture was made here, and what else in it looks generated.

    By the marks in the file, by drawing the face again to compare, and by signs in the picture itself.
    """
    content = await request.body()
    return await site.workshop.run(partial(_checked, site, content))


def _checked(site: Site, content: bytes) -> Checked:
    return check_picture(content, _pixels(site, content), site.pictures, site.features.inspect)


@live_router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Find faces in the frames of a camera or a window, one after the other: a frame comes, the boxes go back."""
    site: Site = socket.app.state.site
    try:
        await site.ready()
        if not _same_origin(socket) or site.features.detect is None:
            await socket.close(1008)
            return
        with site.live:
            await socket.accept()
            await _watch(socket, site)
    except BusyError:
        await socket.close(1013)
    except TimeoutError:
        await socket.close(1000, "time is up")
    except WebSocketDisconnect:
        pass  # the visitor has seen enough


async def _watch(socket: WebSocket, site: Site) -> None:
    async with asyncio.timeout(site.settings.live_s):
        while True:
            async with asyncio.timeout(_IDLE_S):
                frame = await _frame(socket)
            await socket.send_json(await _boxes(site, frame))


async def _frame(socket: WebSocket) -> bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    frame = message.get("bytes")
    if frame is None or len(frame) > FRAME_BYTES:
        await socket.close(1009 if frame else 1003)
        raise WebSocketDisconnect(1003)
    return bytes(frame)


async def _boxes(site: Site, frame: bytes) -> dict[str, Any]:
    """What goes back for a frame: faces, or why there are none."""
    try:
        return await site.workshop.run(partial(_seen, site, frame))
    except (BusyError, InputError) as error:
        problem = problem_of(error)
        return {"problem": problem.kind, "detail": problem.detail}


def _seen(site: Site, frame: bytes) -> dict[str, Any]:
    pixels = read_pixels(frame, limit_bytes=FRAME_BYTES, limit_pixels=_FRAME_PIXELS)
    height, width = pixels.shape[:2]
    found = _detector(site.features)(pixels, max(height, width) * _FRAME_SHARE)
    return {"width": width, "height": height, "faces": [face.to_json() for face in found]}


def _pixels(site: Site, content: bytes) -> Pixels:
    limit_pixels = int(site.settings.upload_megapixels * 1e6)
    return read_pixels(content, limit_bytes=int(site.settings.upload_mb * 1e6), limit_pixels=limit_pixels)


def _detector(features: Features) -> Detect:
    if features.detect is None:
        raise ProblemError(404, "not-found", "this server does not look for faces")
    return features.detect


def _same_origin(socket: WebSocket) -> bool:
    """Tell whether a page of this site opened the socket; programs, which send no origin, may too."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
