"""A whole site on loopback: servers, nginx in front of them as `deploy/` has it, PostgreSQL behind; and its visitors.

Used by the tests with servers that draw in no time, and by benchmarks/servers.py with real ones.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

from nobodies.uniqueness.neighbours import compare
from tests import postgres
from tests.postgres import PostgresServer, free_port, running_postgres

ROOT: Final = Path(__file__).parents[2]
Command = Callable[[Mapping[str, Any]], list[str]]


def missing() -> str | None:
    """What the system lacks to run a site; None if nothing."""
    if find_nginx() is None:
        return "nginx is not installed: apt-get install nginx"
    return postgres.missing()


def find_nginx() -> str | None:
    """Where nginx is; Debian keeps it out of the PATH of most users."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def tiny_server(options: Mapping[str, Any]) -> list[str]:
    """The command of a server that draws in no time."""
    return [sys.executable, "-m", "tests.web.one_of_several", json.dumps(options, default=str)]


def real_server(options: Mapping[str, Any]) -> list[str]:
    """The command of a server as users run it."""
    flags = [
        f"--{name.replace('_', '-')}" if value is True else f"--{name.replace('_', '-')}={value}"
        for name, value in options.items()
    ]
    return [sys.executable, "-m", "nobodies", "serve", *flags]


class Server:
    """One server of the site."""

    def __init__(self, command: Command, options: Mapping[str, Any], log: Path) -> None:
        self.port = free_port()
        self.log = log
        self._command = command({**options, "port": self.port})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=ROOT, env=environment)
        until(self.is_ready, 120, lambda: self.log.read_text())

    def is_ready(self) -> bool:
        """Whether it says so."""
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        return status(f"http://127.0.0.1:{self.port}/readyz") == 200

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def stop(self) -> None:
        """Ask it to go, and wait until it has gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


class Nginx:
    """nginx with the configuration of `deploy/`, but for ports and folders."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        binary = find_nginx()
        assert binary is not None, missing()
        folder.mkdir()
        self.port = free_port()
        site = (ROOT / "deploy/nginx/nobodies.conf").read_text()
        lines = "".join(f"server 127.0.0.1:{port} max_fails=0;\n" for port in ports)
        (folder / "nobodies.servers").write_text(lines)
        site = site.replace("/etc/nginx/nobodies.servers", f"{folder}/nobodies.servers")
        site = site.replace("listen 80;", f"listen 127.0.0.1:{self.port};")
        site = site.replace("/var/cache/nginx/nobodies", f"{folder}/cache")
        (folder / "nobodies.conf").write_text(site)
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in _TEMPORARY)
        user = "user root;\n" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\n"
            f"events {{ worker_connections 1024; }}\nhttp {{\n{temporary}include {folder}/nobodies.conf;\n}}\n"
        )
        self._command = [binary, "-p", str(folder), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
        self._process: subprocess.Popen[bytes] | None = None

    def check(self) -> str:
        """What nginx says of its configuration."""
        done = subprocess.run([*self._command, "-t"], capture_output=True, text=True, check=False)
        return done.stderr

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(self._command)
        until(lambda: status(f"http://127.0.0.1:{self.port}/metrics") == 404, 20, self.check)

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)


_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True, slots=True)
class Fleet:
    """The whole site."""

    database: PostgresServer
    servers: list[Server]
    nginx: Nginx

    def rolling_restart(self) -> None:
        """Restart one server after the other."""
        for server in self.servers:
            server.stop()
            server.start()


@contextlib.contextmanager
def running_fleet(
    folder: Path, command: Command, options: Mapping[str, Any], *, num_servers: int = 2
) -> Iterator[Fleet]:
    """Run a site; all of it is ended afterwards.

    Args:
        folder: for logs and configuration.
        command: makes the command line of a server.
        options: further settings of the servers, as in `WebSettings`.
        num_servers: how many.
    """
    secret = folder / "secret"
    secret.write_text(os.urandom(32).hex())
    with running_postgres() as database, contextlib.ExitStack() as stack:
        # Servers read the password from a file, as in `deploy/`; the address on their command line has none.
        address = f"postgresql://{postgres.USER}@127.0.0.1:{database.port}/postgres"
        passfile = folder / "pgpass"
        passfile.write_text(f"*:*:*:*:{postgres.PASSWORD.replace(':', chr(92) + ':')}\n")
        passfile.chmod(0o600)
        stack.enter_context(_set("PGPASSFILE", str(passfile)))
        shared = {"shared": address, "secret_file": str(secret), "unique": True} | dict(options)
        servers = [Server(command, shared, folder / f"server-{number}.log") for number in range(num_servers)]
        nginx = Nginx(folder / "nginx", [server.port for server in servers])
        for server in servers:
            stack.callback(server.kill)
            server.start()
        stack.callback(nginx.stop)
        nginx.start()
        yield Fleet(database, servers, nginx)


@contextlib.contextmanager
def _set(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@dataclass(slots=True)
class Visits:
    """What visitors were answered."""

    statuses: Counter[str] = field(default_factory=Counter)
    """By what was asked for and how it was answered."""
    given: list[int] = field(default_factory=list)
    """Seeds of faces that were given as exclusive."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, how: str, seed: int | None = None) -> None:
        """Count an answer."""
        with self.lock:
            self.statuses[f"{what}: {how}"] += 1
            if seed is not None:
                self.given.append(seed)

    def taken(self) -> dict[str, int]:
        """Give the counts since the last time, and begin anew."""
        with self.lock:
            counts, self.statuses = dict(sorted(self.statuses.items())), Counter()
        return counts


PATHS: Final = {
    "new": "/face.jpeg",
    "exclusive": "/face.jpeg?exclusive=true",
    "exclusive list": "/api/v1/faces?count=2&exclusive=true",
    "known": "/face/{number}.jpeg?size=32",
    "page": "/",
}


@contextlib.contextmanager
def visitors(port: int, count: int, *, pause_s: float = 0.0) -> Iterator[Visits]:
    """Let so many visitors ask for everything, one thing after the other, until the end of the block."""
    visits, enough = Visits(), threading.Event()
    threads = [threading.Thread(target=_visit, args=(port, visits, enough, each, pause_s)) for each in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield visits
    finally:
        enough.set()
        for thread in threads:
            thread.join(90)


def _visit(port: int, visits: Visits, enough: threading.Event, turn: int, pause_s: float) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    kinds = list(PATHS)
    while not enough.wait(pause_s):
        what = kinds[turn % len(kinds)]
        try:
            connection.request("GET", PATHS[what].format(number=turn % 50))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            visits.note(what, type(error).__name__)
            connection.close()
        else:
            _note(visits, what, answer.status, answer.headers, body)
        turn += 1
    connection.close()


def _note(visits: Visits, what: str, status: int, headers: Any, body: bytes) -> None:
    if status == 503 and not headers["Retry-After"]:
        visits.note(what, "503 without a word")
    elif status != 200:
        visits.note(what, str(status))
    elif what == "exclusive list":
        for face in json.loads(body)["faces"]:
            visits.note(what, "200", int(face["seed"]) if face["exclusive"] else None)
    else:
        mark = headers["Nobodies-Exclusive"]
        found = re.search(r"/face/(\d+)", headers["Content-Location"] or "")
        visits.note(what, f"200 {mark or ''}".strip(), int(found[1]) if found and mark == "?1" else None)


@dataclass(frozen=True, slots=True)
class Audit:
    """What the ledger says of the faces that visitors were given."""

    given: int
    """Exclusive faces that visitors have had."""
    given_twice: int
    unrecorded: int
    """Of those given, how many the ledger does not know."""
    recorded: int
    least_distance: float
    """Of any two recorded faces."""


def audit(fleet: Fleet, visits: Visits, name_of: Callable[[int], str]) -> Audit:
    """Hold what was given against the ledger.

    Args:
        fleet: the site, with its database up.
        visits: what visitors had.
        name_of: gives the name under which the face of a seed is recorded.
    """
    lines = fleet.database.run("SELECT name, embedding FROM nobodies_face WHERE kind = 'given'")
    rows = np.stack([np.frombuffer(embedding, "<f4") for _, embedding in lines])
    names = {name for name, _ in lines}
    return Audit(
        given=len(visits.given),
        given_twice=len(visits.given) - len(set(visits.given)),
        unrecorded=sum(name_of(seed) not in names for seed in visits.given),
        recorded=len(lines),
        least_distance=float(compare(rows).nearest.min()),
    )


def until(holds: Callable[[], bool], timeout_s: float, why: Callable[[], str] = str) -> float:
    """Wait for something that happens elsewhere; give the seconds that it took."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() < begun + timeout_s, f"it did not happen in time; {why()}"
        time.sleep(0.02)
    return time.monotonic() - begun


def status(address: str) -> int:
    """How an address is answered; 0 for not at all."""
    try:
        with urlopen(address, timeout=10) as answer:
            return int(answer.status)
    except URLError as error:
        return int(getattr(error, "code", 0))
    except (OSError, HTTPException):
        return 0
