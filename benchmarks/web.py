"""Figures of the site on this machine: `python benchmarks/web.py`. Needs wrk; prints, asserts nothing.

Starts `nobodies serve` on a free port, loads it over loopback, and stops it. The bare engine is measured in the same
run, in a process of its own, before and after.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

_BARE = """
import sys, time
from nobodies import Generator
from nobodies.settings import EngineSettings
generator = Generator.load(engine=EngineSettings(layout="throughput"))
count = int(sys.argv[1])
list(generator.faces(range(4)))
begun = time.perf_counter()
for face in generator.faces(range(count)):
    pass
print(count / (time.perf_counter() - begun))
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk says of a run."""

    per_s: float
    p50_ms: float
    p99_ms: float
    errors: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), action="append", help="Measure these alone.")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60, help="Of the crowd.")
    parser.add_argument("--cache-mb", type=int, default=256, help="Of the crowd; a small one is full from the start.")
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    for name in chosen.only or PARTS:
        for line in PARTS[name](chosen):
            print(line, flush=True)


def start(_: argparse.Namespace) -> Iterator[str]:
    """Time from the start of the process to the first face."""
    begun = time.perf_counter()
    with serving() as address:
        _get(f"{address}/face.jpeg")
        yield f"start to first face: {time.perf_counter() - begun:.2f} s"


def ready(_: argparse.Namespace) -> Iterator[str]:
    """Faces out of the pool, one request after the other, while the pool refills behind them."""
    with serving("--pool-faces", "200") as address:
        _wait_for_pool(address, 200)
        connection = HTTPConnection(urlsplit(address).netloc)
        times = sorted(_timed(connection, "/face.jpeg") for _ in range(190))
        yield f"ready face, one client: p50 {1000 * times[95]:.1f} ms, p99 {1000 * times[188]:.1f} ms of 190"


def cached(_: argparse.Namespace) -> Iterator[str]:
    """Permanent addresses out of the memory cache, and 304."""
    with serving() as address:
        _wait_for_pool(address, 64)
        picture = f"{address}/face/42.jpeg?size=512"
        etag = _get(picture)
        yield f"cached 512 px jpeg, 16 connections: {_shown(_wrk(picture, 16, 8))}"
        yield f"304, 16 connections: {_shown(_wrk(picture, 16, 8, f'If-None-Match: {etag}'))}"


def cached_by_two(_: argparse.Namespace) -> Iterator[str]:
    """The same, served by two processes."""
    with serving("--workers", "2") as address:
        time.sleep(20)  # both pools fill
        picture = f"{address}/face/42.jpeg?size=512"
        for _again in range(20):
            _get(picture)
        yield f"cached 512 px jpeg, 2 workers: {_shown(_wrk(picture, 16, 8))}"


def new(_: argparse.Namespace) -> Iterator[str]:
    """New faces at 512 px, sustained, with the gate and without, against the bare engine."""
    before = _bare(60)
    made = {"without the gate": _new_faces("--no-gate"), "with the gate": _new_faces("--gate")}
    after = _bare(60)
    bare = (before + after) / 2
    yield f"bare engine: {before:.2f} and {after:.2f} faces/s (before and after)"
    for name, load in made.items():
        yield f"new 512 px jpeg faces {name}: {_shown(load)}, {load.per_s / bare:.0%} of the bare engine"


def _new_faces(*options: str) -> Load:
    with serving("--pool-faces", "0", *options) as address:
        _get(f"{address}/face.jpeg?size=512")
        return _wrk(f"{address}/face.jpeg?size=512", 8, 15)


def exclusive(_: argparse.Namespace) -> Iterator[str]:
    """New faces that are looked at and recorded before they leave, against those that are not."""
    made: dict[str, Load] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in (("as they come", ()), ("exclusive", ("--unique", f"--ledger={folder}/faces.db"))):
            with serving("--pool-faces", "0", *options) as address:
                _get(f"{address}/face.jpeg?size=512")
                made[name] = _wrk(f"{address}/face.jpeg?size=512", 8, 15)
                refused = _metric(address, "nobodies_refused_faces_total")
            yield f"new 512 px jpeg faces, {name}: {_shown(made[name])}; {refused:.0f} refused"


def crowd(chosen: argparse.Namespace) -> Iterator[str]:
    """Many clients who ask for pages, new and known faces at once."""
    with serving("--pool-faces", "64", "--cache-mb", str(chosen.cache_mb)) as address:
        _wait_for_pool(address, 64)
        memory = [_memory_mb(address)]
        statuses: Counter[int | str] = Counter()
        ends = time.monotonic() + chosen.seconds
        threads = [
            threading.Thread(target=_visit, args=(address, number, ends, statuses))
            for number in range(chosen.clients)
        ]
        for thread in threads:
            thread.start()
        while time.monotonic() < ends:
            time.sleep(chosen.seconds / 6)
            memory.append(_memory_mb(address))
        for thread in threads:
            thread.join()
        begun = time.perf_counter()
        while not _answers(address):
            time.sleep(0.05)
        yield f"{chosen.clients} clients for {chosen.seconds} s: {dict(statuses)}"
        yield f"memory over that time: {', '.join(f'{each:.0f}' for each in memory)} MB"
        yield f"drawn on demand again after {time.perf_counter() - begun:.2f} s"


PARTS = {
    "start": start,
    "ready": ready,
    "cached": cached,
    "cached_by_two": cached_by_two,
    "new": new,
    "exclusive": exclusive,
    "crowd": crowd,
}


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """Run the server."""
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "nobodies", "serve", "--port", "0", *options]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert server.stdout
        SERVERS.append(server.pid)
        try:
            address = server.stdout.readline().removeprefix("serving on ").strip().rstrip("/")
            while not _is_up(address):
                time.sleep(0.02)
            yield address
        finally:
            server.terminate()
            server.wait(60)
            log.seek(0)
            sys.stderr.write(log.read())


SERVERS: list[int] = []


def _is_up(address: str) -> bool:
    try:
        with urlopen(f"{address}/readyz"):
            return True
    except OSError:
        return False


def _get(address: str) -> str:
    with urlopen(address) as answer:
        answer.read()
        return str(answer.headers.get("ETag"))


def _timed(connection: HTTPConnection, path: str) -> float:
    begun = time.perf_counter()
    connection.request("GET", path)
    connection.getresponse().read()
    return time.perf_counter() - begun


def _metric(address: str, name: str) -> float:
    with urlopen(f"{address}/metrics") as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _wait_for_pool(address: str, faces: int) -> None:
    while _metric(address, "nobodies_pool_faces") < faces:
        time.sleep(0.2)


def _wrk(address: str, connections: int, seconds: int, *headers: str) -> Load:
    options = [part for header in headers for part in ("-H", header)]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s", *options, address]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    errors = re.findall(r"(Socket errors.*|Non-2xx.*)", text)
    per_s = re.search(r"Requests/sec:\s+(\S+)", text)
    assert per_s
    return Load(float(per_s[1]), _milliseconds(text, "50%"), _milliseconds(text, "99%"), "; ".join(errors) or "none")


def _milliseconds(text: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", text)
    assert found
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


def _shown(load: Load) -> str:
    return f"{load.per_s:.1f}/s, p50 {load.p50_ms:.1f} ms, p99 {load.p99_ms:.1f} ms, errors: {load.errors}"


def _bare(count: int) -> float:
    done = subprocess.run([sys.executable, "-c", _BARE, str(count)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _visit(address: str, number: int, ends: float, statuses: "Counter[int | str]") -> None:
    paths = (
        "/",
        "/face.jpeg",
        f"/face/{number % 20}.jpeg?size=512",
        f"/face/{number + 1000}.jpeg",
        "/api/v1/faces?count=3",
    )
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
    turn = number
    while time.monotonic() < ends:
        try:
            connection.request("GET", paths[turn % len(paths)])
            answer = connection.getresponse()
            answer.read()
            clean = answer.status in (200, 304) or (answer.status == 503 and answer.headers["Retry-After"])
            statuses[answer.status if clean else f"unclean {answer.status}"] += 1
        except OSError as error:
            statuses[type(error).__name__] += 1
            connection.close()
        turn += 1


def _answers(address: str) -> bool:
    try:
        _get(f"{address}/face.jpeg?size=256")
    except OSError:
        return False
    return True


def _memory_mb(_: str) -> float:
    status = Path(f"/proc/{SERVERS[-1]}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
