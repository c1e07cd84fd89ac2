"""The application on a generator made of numpy, in process and on a real port."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.testclient import TestClient

from nobodies.generator import Generator
from nobodies.settings import WebSettings
from nobodies.web.app import create_app
from nobodies.web.features import Features
from tests.conftest import NumpyEngine, tiny_model

Open = Callable[..., TestClient]


class SlowEngine(NumpyEngine):
    """Draws when it is let, and counts."""

    def __init__(self) -> None:
        self.may_draw = threading.Event()
        self.may_draw.set()
        self.num_drawn = 0

    def synthesize(self, *arguments: Any, **options: Any) -> NDArray[np.uint8]:
        self.may_draw.wait(20)
        self.num_drawn += 1
        return super().synthesize(*arguments, **options)


@dataclass(frozen=True, slots=True)
class FoundFace:
    """What the detector for tests finds in every picture: one face in its middle."""

    size: tuple[int, int]
    points: dict[str, list[float]] = field(default_factory=lambda: {"nose": [1.0, 2.0]})

    def to_json(self) -> dict[str, Any]:
        height, width = self.size
        return {"box": [width / 4, height / 4, width * 3 / 4, height * 3 / 4], "score": 0.9, "keypoints": self.points}


def find_one(pixels: NDArray[np.uint8], min_size_px: float | None, /) -> list[FoundFace]:
    return [FoundFace(pixels.shape[:2])]


def cut_out_half(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make the left half of a picture transparent."""
    alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    alpha[:, : pixels.shape[1] // 2] = 0
    return np.concatenate([pixels, alpha], axis=2)


@pytest.fixture
def engine() -> SlowEngine:
    return SlowEngine()


@pytest.fixture
def features() -> Features:
    return Features(detect=find_one, cut_out=cut_out_half)


@pytest.fixture
def make_app(engine: SlowEngine, features: Features) -> Callable[..., FastAPI]:
    """Make an application with settings of the test's own."""

    def make(**options: Any) -> FastAPI:
        settings = WebSettings(**({"pool_faces": 4} | options))
        return create_app(settings, load=lambda: (Generator(tiny_model(), engine), features))

    return make


@pytest.fixture
def open_site(make_app: Callable[..., FastAPI]) -> Iterator[Open]:
    """Open a site in process; it is closed after the test."""
    opened: list[TestClient] = []

    def open_one(**options: Any) -> TestClient:
        client = TestClient(make_app(**options), follow_redirects=False)
        client.__enter__()
        opened.append(client)
        wait_until(lambda: client.get("/readyz").status_code == 200)
        return client

    yield open_one
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(open_site: Open) -> TestClient:
    return open_site()


@contextmanager
def running(app: FastAPI, **options: Any) -> Iterator[str]:
    """Serve an application on a free port, in a thread; give its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="critical", ws="websockets-sansio", access_log=False, **options)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def serve(make_app: Callable[..., FastAPI]) -> Serve:
    """Serve on a real port: `with serve(pool_faces=2) as address`."""

    def start(*, uvicorn_options: dict[str, Any] | None = None, **options: Any) -> AbstractContextManager[str]:
        return running(make_app(**options), **(uvicorn_options or {}))

    return start


def wait_until(holds: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
    """Wait for something that happens elsewhere."""
    ends = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.005)
