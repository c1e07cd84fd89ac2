"""The pages that people look at."""

from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import Field

from nobodies.latents import parse_seed
from nobodies.web.asked import Asked, PortraitQuery
from nobodies.web.rendering import render
from nobodies.web.routes.shared import ReadySite, limit_rate
from nobodies.web.site import Site

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(limit_rate)])

NETWORKS: Final = (
    ("GitHub", 500), ("Instagram", 320), ("LinkedIn", 400), ("Slack", 512), ("X", 400), ("YouTube", 800),
)  # fmt: skip
"""Sides of avatars in pixels. GitHub and Slack document theirs (docs.github.com: "about 500 by 500"; docs.slack.dev,
users.setPhoto: 512 to 1024); for the others these are what guides to them agree on."""
_SIZES_PX: Final = (64, 128, 256, 512, 1024, 2048)
_EXAMPLES: Final = ("curl.sh", "python.py", "javascript.js")
_PROBLEMS: Final = (
    "invalid",
    "unreadable",
    "too-large",
    "slow",
    "key",
    "too-often",
    "busy",
    "not-found",
    "method",
    "server",
)


class PageQuery(PortraitQuery):
    """What the address of a studio page may say."""

    lang: str | None = Field(default=None, max_length=2)


@router.get("/")
async def home(request: Request, site: ReadySite) -> Response:
    """One face; the next is ready."""
    face = await site.new_face()
    return render(request, "home.html", seed=face.seed)


@router.get("/choose")
async def choose(request: Request, site: ReadySite) -> Response:
    """A wall of faces, and the wishes to choose by."""
    seeds = [seed for seed, _ in await site.new_seeds(_num_on_wall(site))]
    return render(request, "choose.html", seeds=seeds)


@router.get("/face/{seed}")
async def studio(request: Request, site: ReadySite, seed: str, query: Annotated[PageQuery, Query()]) -> Response:
    """A face to change. The address says everything; a text instead of a number leads to the face of that text."""
    number = parse_seed(seed[:600])
    if seed != str(number):
        return RedirectResponse(f"/face/{number}", 307)
    asked = Asked(query.portrait(number))
    site.pictures.check(asked)
    return render(request, "studio.html", seed=number, asked=asked, query=query, other=site.new_seed())


@router.get("/download")
async def download(request: Request, site: ReadySite, face: str | None = None) -> Response:
    """A face, or several, as files."""
    number = parse_seed(face[:600]) if face else (await site.new_face()).seed
    largest_px = site.generator.engine.resolution
    return render(
        request,
        "download.html",
        seed=number,
        sizes=[*(size for size in _SIZES_PX if size < largest_px), largest_px],
        networks=[(name, size) for name, size in NETWORKS if size <= largest_px],
    )


@router.get("/detect")
async def detect(request: Request, site: ReadySite) -> Response:
    """Faces in pictures, videos, the camera or a window."""
    return render(request, "detect.html")


@router.get("/check")
async def check(request: Request, site: ReadySite) -> Response:
    """Was this picture made here? And a game, if there are photographs for it."""
    return render(request, "check.html")


@router.get("/how")
async def how(request: Request, site: ReadySite) -> Response:
    """How it works, what the pictures may be used for, and what they cannot do."""
    return render(request, "how.html", model=site.generator.model, engine=site.generator.engine)


@router.get("/api")
async def api(request: Request, site: ReadySite) -> Response:
    """The API, with examples."""
    base = str(request.base_url).rstrip("/")
    examples = [(name, example(name).replace("http://127.0.0.1:8000", base)) for name in _EXAMPLES]
    return render(request, "api.html", examples=examples, problems=_PROBLEMS)


@router.get("/robots.txt")
async def robots() -> PlainTextResponse:
    """Ask crawlers to leave the faces alone: there is no end of them."""
    return PlainTextResponse("User-agent: *\nDisallow: /face\nDisallow: /api/\nDisallow: /game/\n")


@router.get("/favicon.ico")
async def icon() -> Response:
    """Lead old browsers to the icon."""
    return RedirectResponse("/static/icon.svg", 301)


def example(name: str) -> str:
    """Give one of the examples of the API, as tested."""
    return files("nobodies.web").joinpath("examples", name).read_text(encoding="utf-8")


def _num_on_wall(site: Site) -> int:
    return min(12, max(6, len(site.pool) // 4))
