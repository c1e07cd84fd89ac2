"""A server of several processes on a generator made of numpy, for the tests that kill them."""

import os
import sys
from typing import Any

from fastapi.responses import PlainTextResponse

from nobodies.generator import Generator
from nobodies.settings import WebSettings
from nobodies.web import app as web_app
from nobodies.web.features import Features
from nobodies.web.serve import serve
from tests.conftest import NumpyEngine, tiny_model


def load_tiny(*_: Any, **__: Any) -> tuple[Generator, Features]:
    """Load in the place of the real model."""
    return Generator(tiny_model(), NumpyEngine()), Features()


_create = web_app.create_app


def create_with_pid(*arguments: Any, **options: Any) -> Any:
    """Make an application that tells which process answers."""
    app = _create(*arguments, **options)

    @app.get("/pid")
    async def pid() -> PlainTextResponse:
        return PlainTextResponse(str(os.getpid()), headers={"Connection": "close"})

    return app


# Every worker imports this module, since it is where the server was started from.
web_app.load_model = load_tiny
web_app.create_app = create_with_pid


def main(workers: int) -> None:
    """Serve until told to stop; the address goes to standard output."""

    def announce(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()

    serve(WebSettings(port=0, workers=workers, pool_faces=2), announce=announce)
