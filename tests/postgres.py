"""A PostgreSQL server of the tests' own, from what the system has: in a temporary folder, on loopback only."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

USER: Final = "nobodies"
PASSWORD: Final = "a/strange@pass:word"


def find_binaries() -> Path | None:
    """Where PostgreSQL's programs are; Debian keeps them out of the PATH."""
    if (found := shutil.which("postgres")) is not None:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def missing() -> str | None:
    """What the system lacks to run PostgreSQL; None if nothing."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed: pip install 'nobodies[postgres]'"
    if find_binaries() is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    if os.getuid() == 0 and _user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


def _user() -> str | None:
    import pwd

    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """A cluster that can be stopped, killed and started again. Passwords are asked for."""

    def __init__(self, folder: Path) -> None:
        binaries = find_binaries()
        assert binaries is not None, missing()
        self._binaries = binaries
        self._folder = folder
        self._own: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if (user := _user()) else {}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if self._own:
            shutil.chown(folder, "postgres", "postgres")
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        initdb = [
            str(binaries / "initdb"),
            "-D",
            f"{folder}/data",
            "-U",
            USER,
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
        ]
        subprocess.run(
            [*initdb, "-A", "scram-sha-256", f"--pwfile={secret}"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **self._own,
        )  # fmt: skip
        secret.unlink()
        self.start()

    def address(self, database: str = "postgres", *, password: str = PASSWORD) -> str:
        """The address of one of its databases."""
        from urllib.parse import quote

        return f"postgresql://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # Without huge delays of the disk: what is tested is what the database promises, not how it keeps it.
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self._folder, "shared_buffers": "32MB"}
        given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self._folder.parent / f"{self._folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", "-p", str(self.port), *given],
                stdout=log, stderr=log, cwd=self._folder, **self._own,
            )  # fmt: skip
        ends = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < ends, self.log()
            time.sleep(0.05)

    def stop(self, *, how: str = "fast") -> None:
        """Stop it: "fast" ends all sessions in order, "immediate" is as good as a crash."""
        if self._process is not None:
            stop = [str(self._binaries / "pg_ctl"), "-D", f"{self._folder}/data", "-m", how, "-s", "stop"]
            subprocess.run(stop, check=True, cwd=self._folder, **self._own)
            self._process.wait(30)
            self._process = None

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement; give its rows."""
        import psycopg

        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def new_database(self, name: str) -> str:
        """Make a database; give its address."""
        self.run(f'CREATE DATABASE "{name}"')
        return self.address(name)

    def log(self) -> str:
        """What it has said."""
        return (self._folder.parent / f"{self._folder.name}.log").read_text()

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.address(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a new cluster; it is removed afterwards."""
    # Not in a folder of pytest's, into which the user postgres may not look.
    with tempfile.TemporaryDirectory(prefix="nobodies-postgres-") as folder:
        cluster = Path(folder) / "cluster"
        cluster.mkdir()
        Path(folder).chmod(0o755)
        server = PostgresServer(cluster)
        try:
            yield server
        finally:
            server.stop(how="immediate")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A cluster for all tests of a process, which leave it running; skips where there is no PostgreSQL."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    with running_postgres() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The address of a database of the test's own."""
    return postgres.new_database(f"test_{time.time_ns()}")
