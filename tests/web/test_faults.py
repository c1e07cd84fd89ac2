"""What goes wrong outside: clients that hang up, dawdle or flood, full disks, killed workers, being told to stop."""

import errno
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from starlette.types import Message, Receive, Scope, Send

from nobodies.web.guard import Guard
from nobodies.web.metrics import Metrics
from tests.web.conftest import Open, Serve, SlowEngine, wait_until


def _status(address: str, timeout_s: float = 20) -> int:
    try:
        with urlopen(address, timeout=timeout_s) as answer:
            answer.read()
            return int(answer.status)
    except HTTPError as error:
        answer_after = error.headers["Retry-After"]
        return error.code if error.code != 503 or answer_after else -1


def _connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def test_a_flood_is_answered_200_or_503_and_passes(serve: Serve, engine: SlowEngine) -> None:
    with serve(pool_faces=0, queue_limit=4, wait_s=20) as address:
        wait_until(lambda: _status(f"{address}/readyz") == 200)
        engine.may_draw.clear()
        with ThreadPoolExecutor(40) as threads:
            asked = [threads.submit(_status, f"{address}/face/{seed}.jpeg") for seed in range(40)]
            wait_until(lambda: sum(each.done() for each in asked) > 20)
            engine.may_draw.set()
            statuses = [each.result() for each in asked]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 5
        assert _status(f"{address}/face/99.jpeg") == 200


def test_more_requests_than_connections_are_refused_at_once(serve: Serve, engine: SlowEngine) -> None:
    with serve(pool_faces=0, connections=3) as address:
        wait_until(lambda: _status(f"{address}/readyz") == 200)
        engine.may_draw.clear()
        with ThreadPoolExecutor(3) as threads:
            held = [threads.submit(_status, f"{address}/face/{seed}.jpeg") for seed in range(3)]
            wait_until(lambda: _status(f"{address}/healthz") == 503)
            engine.may_draw.set()
            assert [each.result() for each in held] == [200] * 3
        assert _status(f"{address}/healthz") == 200


def test_what_nobody_waits_for_any_more_is_not_drawn(serve: Serve, engine: SlowEngine) -> None:
    with serve(pool_faces=0, queue_limit=50) as address:
        wait_until(lambda: _status(f"{address}/readyz") == 200)
        engine.may_draw.clear()
        drawn = engine.num_drawn
        clients = []
        for seed in range(30):
            clients.append(_connect(address))
            clients[-1].sendall(f"GET /face/{seed}.jpeg HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_until(lambda: b"nobodies_waiting 0.0" not in _metrics(address))
        for client in clients:
            client.close()
        wait_until(lambda: b"nobodies_waiting 0.0" in _metrics(address))
        engine.may_draw.set()
        assert _status(f"{address}/face/1000.jpeg") == 200
        # Those that were in the threads already are finished, the others never begun.
        assert engine.num_drawn - drawn <= 1 + (os.cpu_count() or 1) + 1


def _metrics(address: str) -> bytes:
    with urlopen(f"{address}/metrics") as answer:
        return bytes(answer.read())


def test_an_archive_whose_client_hangs_up_gives_its_place_back(serve: Serve, engine: SlowEngine) -> None:
    with serve(pool_faces=0, archives=1) as address:
        wait_until(lambda: _status(f"{address}/readyz") == 200)
        order = json.dumps({"count": 50}).encode()
        request = b"POST /api/v1/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        request += b"Content-Length: %d\r\n\r\n"
        engine.may_draw.clear()
        client = _connect(address)
        client.sendall(request % len(order) + order)
        client.recv(12)
        assert _post(address, order) == 503
        client.close()
        engine.may_draw.set()
        wait_until(lambda: _post(address, json.dumps({"count": 1}).encode()) == 200)


def _post(address: str, body: bytes) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    connection.request("POST", "/api/v1/batch", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_a_dawdling_client_holds_up_nobody_but_itself(serve: Serve) -> None:
    with serve() as address:
        wait_until(lambda: _status(f"{address}/readyz") == 200)
        dawdlers = [_connect(address) for _ in range(20)]
        for client in dawdlers:
            client.sendall(b"POST /api/v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
        assert _status(f"{address}/face.jpeg", timeout_s=5) == 200
        for client in dawdlers:
            client.close()


async def _reader(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass


def _guarded(app: Callable[[Scope, Receive, Send], object], **options: float) -> Guard:
    limits = {"connections": 9, "body_bytes": 1000, "body_s": 0.05, "send_s": 0.05} | options
    return Guard(app, metrics=Metrics(), **limits)  # type: ignore[arg-type]


SCOPE: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": [], "query_string": b""}


def test_a_body_that_takes_too_long_ends_the_request() -> None:
    import asyncio

    from starlette.exceptions import HTTPException

    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def never(message: Message) -> None:
        raise AssertionError("nothing is sent")

    with pytest.raises(HTTPException) as slow:
        asyncio.run(_guarded(_reader)(dict(SCOPE), drip, never))
    assert slow.value.status_code == 408


def test_a_client_that_does_not_read_is_dropped() -> None:
    import asyncio

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def accept_little(message: Message) -> None:
        await asyncio.sleep(0 if message["type"] == "http.response.start" else 10)

    asyncio.run(asyncio.wait_for(_guarded(endless)(dict(SCOPE), nothing, accept_little), 2))


def test_a_full_cache_disk_costs_nothing_but_the_cache(
    open_site: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: SlowEngine
) -> None:
    client = open_site(pool_faces=0, disk_cache=tmp_path / "pictures")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set((tmp_path / "pictures").glob("*/*"))
    monkeypatch.setattr(os, "fsync", full)
    assert client.get("/face/1.jpeg").status_code == 200
    assert client.get("/face/1.jpeg").status_code == 200
    assert set((tmp_path / "pictures").glob("*/*")) == before


def test_stopping_finishes_what_has_begun(serve: Serve, engine: SlowEngine) -> None:
    with ThreadPoolExecutor(1) as threads:
        with serve(pool_faces=0, uvicorn_options={"timeout_graceful_shutdown": 10}) as address:
            wait_until(lambda: _status(f"{address}/readyz") == 200)
            engine.may_draw.clear()
            asked = threads.submit(_status, f"{address}/face/5.jpeg")
            wait_until(lambda: b"nobodies_asked 1.0" in _metrics(address))
            threading.Timer(0.3, engine.may_draw.set).start()
        assert asked.result() == 200


SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.web.processes import main
if __name__ == "__main__":
    main(int(sys.argv[2]))
"""


@contextmanager
def _processes(tmp_path: Path, workers: int) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Serve from several processes, as `nobodies serve --workers` does."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    root = Path(__file__).parents[2]
    server = subprocess.Popen(
        [sys.executable, script, root, str(workers)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert server.stdout
    try:
        address = server.stdout.readline().strip().rstrip("/")
        assert address.startswith("http"), address + server.stdout.read()
        wait_until(lambda: _answers(address), timeout_s=40)
        yield address, server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        finally:
            server.kill()
            server.stdout.close()


def _answers(address: str) -> bool:
    try:
        return _status(f"{address}/readyz") == 200
    except (URLError, ConnectionError):
        return False


def _worker_of(address: str) -> int:
    with urlopen(f"{address}/pid") as answer:
        return int(answer.read())


def test_a_killed_worker_is_replaced_and_the_counts_are_of_all(tmp_path: Path) -> None:
    with _processes(tmp_path, workers=2) as (address, server):
        pids: set[int] = set()

        def seen() -> int:
            pids.add(_worker_of(address))
            return len(pids)

        wait_until(lambda: seen() >= 2, timeout_s=40)
        assert server.pid not in pids
        for _ in range(20):
            assert _status(f"{address}/face/1.jpeg") == 200
        counted = b'nobodies_requests_total{route="/face/{seed}.{ending}",status="200"} 20.0'
        wait_until(lambda: counted in _metrics(address))  # an answer is counted just after it was sent
        killed = pids.pop()
        os.kill(killed, signal.SIGKILL)
        left = set(pids)

        def replaced() -> bool:
            try:
                left.add(_worker_of(address))
            except (URLError, ConnectionError):
                return False
            return len(left - {killed}) >= 2

        wait_until(replaced, timeout_s=40)
        assert _status(f"{address}/face/1.jpeg") == 200
    assert server.returncode is not None


@pytest.mark.slow
def test_processes_are_replaced_one_by_one_and_nobody_notices(tmp_path: Path) -> None:
    with _processes(tmp_path, workers=2) as (address, server):
        before: set[int] = set()

        def seen() -> int:
            before.add(_worker_of(address))
            return len(before)

        wait_until(lambda: seen() >= 2, timeout_s=40)
        server.send_signal(signal.SIGHUP)
        after: set[int] = set()

        def replaced() -> bool:
            assert _status(f"{address}/face/1.jpeg") == 200
            after.add(_worker_of(address))
            return len(after - before) >= 2

        wait_until(replaced, timeout_s=60)
