"""Leaving: first the word, then a while of serving on, then the end."""

import os
import signal
import time

import pytest

from nobodies.web.draining import drain_first
from tests.web.conftest import Open, wait_until


def test_a_site_that_is_leaving_says_so_and_serves_on(open_site: Open) -> None:
    client = open_site()
    assert "connection" not in client.get("/face/1.jpeg").headers
    client.app.state.site.drain()  # type: ignore[attr-defined]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    for path in ("/healthz", "/face/1.jpeg", "/face.jpeg", "/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close"), path


@pytest.fixture
def told() -> list[str]:
    return []


def test_the_first_sigterm_is_put_off_and_the_second_is_not(told: list[str]) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: told.append("stopped"))
    try:
        drain_first(lambda: told.append("leaving"), 0.3)
        begun = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: told == ["leaving"])
        wait_until(lambda: told == ["leaving", "stopped"])
        assert time.monotonic() - begun >= 0.3
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: told == ["leaving", "stopped", "stopped"])
    finally:
        signal.signal(signal.SIGTERM, before)
