"""`nobodies serve`: the site and its API."""

from typing import Any

import click

from nobodies.cli.models import TerminalWatcher
from nobodies.cli.options import settings_from, settings_options
from nobodies.errors import DependencyError
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL, EngineSettings, MarkSettings, UniqueSettings, WebSettings


@click.command(name="serve")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="See 'nobodies models list'.")
@settings_options(WebSettings)
@settings_options(UniqueSettings)
@settings_options(MarkSettings)
@settings_options(EngineSettings, without=("layout",))
def command(model: str, **options: Any) -> None:
    """Serve the site and its API on this machine.

    The model is fetched first if it is not there. Stop with Ctrl-C: what has begun is finished.
    """
    settings = settings_from(WebSettings, options)
    engine = settings_from(EngineSettings, options, layout="throughput")
    try:
        from nobodies.gate import probes_of
        from nobodies.web.serve import serve
    except ModuleNotFoundError as error:
        raise DependencyError(f"serving needs {error.name}: run pip install 'nobodies[web]'") from error
    with TerminalWatcher() as watcher:
        loaded = Store().load(model, watcher)
        if settings.gate:
            probes_of(loaded, watcher)
    serve(
        settings,
        model=model,
        engine=engine,
        marks=settings_from(MarkSettings, options),
        unique=settings_from(UniqueSettings, options),
        announce=lambda at: click.echo(f"serving on {at}"),
    )
