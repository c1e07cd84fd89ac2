"""The application: routes, limits and errors around one `Site`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from nobodies._version import __version__
from nobodies.generator import Generator
from nobodies.settings import DEFAULT_MODEL, EngineSettings, MarkSettings, UniqueSettings, WebSettings
from nobodies.web import problems
from nobodies.web.browser_page import ADDRESS
from nobodies.web.features import Features, find_features
from nobodies.web.guard import Guard
from nobodies.web.known import ShortWay
from nobodies.web.routes import faces, game, health, looking, pages, pictures
from nobodies.web.routes.shared import ProblemBody
from nobodies.web.site import Site

_ABOUT: Final = """Portraits of people who do not exist. Every picture is marked as generated.

Errors are problem JSON (RFC 9457). If the operator has set keys, `/api/v1` wants `Authorization: Bearer KEY`."""

Load = Callable[[], tuple[Generator, Features]]


def create_app(
    settings: WebSettings | None = None,
    *,
    load: Load | None = None,
    marks: MarkSettings | None = None,
    secret: bytes | None = None,
    unique: UniqueSettings | None = None,
) -> FastAPI:
    """Make the application. The model is loaded once the application is started.

    Args:
        settings: limits and sizes; the defaults if not given.
        load: gives the generator and what else the server can do; the default model if not given.
        marks: how pictures say that they were generated; all marks that can be made if not given.
        secret: signs passes and rounds of the game; the same in all processes of a server. That of the
            settings if not given, or a new one.
        unique: when two faces count as one person, where the settings ask for faces that are given once.

    Raises:
        SettingError: a file or an address that the settings name cannot be used.
        DependencyError: they name a database, and the extra postgres is not installed.
        OutputError: the folder for pictures cannot be made.
    """
    settings = settings or WebSettings()
    site = Site(settings, load=load or load_model, marks=marks, secret=secret, unique=unique)
    app = FastAPI(
        title="nobodies", version=__version__, description=_ABOUT, lifespan=_lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    app.state.site = site
    for module in (pictures, health, faces, looking, game, pages):
        app.include_router(module.router)
    app.include_router(looking.live_router)
    if site.browser_page:
        app.mount(ADDRESS.rstrip("/"), site.browser_page, name="local")
    app.mount("/static", Assets(packages=[("nobodies.web", "static")]), name="static")
    _describe_problems(app)
    problems.install(app)
    if not settings.rate_per_minute:
        app.add_middleware(ShortWay, known=site.known, memory=site.memory)
    if settings.cors_origins:
        origins = [origin.strip() for origin in settings.cors_origins.split(",")]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["content-location", "etag", "nobodies-exclusive", "retry-after"],
        )
    app.add_middleware(
        Guard,
        metrics=site.metrics,
        connections=settings.connections,
        body_bytes=int(settings.upload_mb * 1e6),
        is_leaving=lambda: site.is_leaving,
    )
    return app


def load_model(
    model: str = DEFAULT_MODEL, engine: EngineSettings | None = None, *, gate: bool = True
) -> tuple[Generator, Features]:
    """Load a model, and see what else this installation can do.

    Args:
        model: a name from `nobodies models list`.
        engine: precision, threads, streams.
        gate: whether faulty faces shall be turned away.

    Raises:
        NobodiesError: the model cannot be had.
    """
    generator = Generator.load(model, engine=engine or EngineSettings(layout="throughput"))
    return generator, find_features(generator, gate=gate)


class Assets(StaticFiles):
    """Static files: for ever under an address with a mark of their content, otherwise to be asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:  # noqa: D102
        answer = await super().get_response(path, scope)
        marked = scope["query_string"].startswith(b"v=")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if marked else "no-cache"
        return answer


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    site: Site = app.state.site
    await site.open()
    if site.settings.listen_late:
        await site.settled()
    try:
        yield
    finally:
        await site.close()


def _describe_problems(app: FastAPI) -> None:
    """Add the body of errors, which routes refer to, to the OpenAPI description."""
    make = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = make()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["ProblemBody"] = ProblemBody.model_json_schema()
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
