"""Pages from templates, in the visitor's language."""

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from nobodies._version import __version__
from nobodies.web.language import COOKIE, LANGUAGES, Texts, choose_language, texts

_YEAR_S: Final = 365 * 24 * 3600


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nobodies.web"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"asset": asset, "version": __version__, "languages": LANGUAGES}
    environment.filters["data"] = _data
    return environment


def render(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Make a page.

    Args:
        request: tells the language, and which page is open.
        name: of the template.
        status: of the answer.
        **values: for the template.
    """
    asked = request.query_params.get("lang")
    chosen = language_of(request)
    site = request.app.state.site
    largest_px = site.generator.engine.resolution if site.is_ready else 0
    page = _environment().get_template(name).render(
        t=texts(chosen), request=request, site=site, features=site.features, largest_px=largest_px,
        new_pass=site.keys.new_pass(), **values,
    )  # fmt: skip
    answer = HTMLResponse(page, status, {"Cache-Control": "no-store", "Content-Language": chosen})
    answer.headers["Vary"] = "Accept-Language, Cookie"
    if asked == chosen:
        answer.set_cookie(COOKIE, chosen, max_age=_YEAR_S, samesite="lax", httponly=True)
    return answer


def language_of(request: Request) -> str:
    """Choose the language of a page."""
    return choose_language(
        request.query_params.get("lang"), request.cookies.get(COOKIE), request.headers.get("accept-language", "")
    )


@cache
def asset(name: str) -> str:
    """Give the address of a static file, with a mark of its content, so that it may be kept for ever."""
    content = files("nobodies.web").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def _data(value: Any) -> Markup:
    """Write JSON into a data block, where no character may end it."""
    if isinstance(value, Texts):
        value = value.below("js.")
    return Markup(json.dumps(value).replace("<", "\\u003c"))
