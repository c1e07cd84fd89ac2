"""A PostgreSQL server by its address: connected when needed, given up quickly when it is down, found again by itself.

Several servers of a site, or several machines that make faces, share what must not be done twice through it.
"""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from nobodies.errors import DependencyError, OutputError, SettingError, UnreachableError

if TYPE_CHECKING:
    import psycopg

_log = logging.getLogger(__name__)

_SCHEMES: Final = ("postgresql://", "postgres://")
_HOST: Final = re.compile(r"[\w.:,/%-]*")
_PORT: Final = re.compile(r"[\d,]*")
_DATABASE: Final = re.compile(r"[\w.-]*")
_CONNECT_S: Final = 3
_PAUSE_S: Final = 1.0
_WAIT_S: Final = 5.0
_LIMITS: Final = {
    "connect_timeout": _CONNECT_S,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "application_name": "nobodies",
}
# A server that stops in the middle of a transaction must not hold up the others for long.
_SESSION_LIMITS: Final = (
    "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=5s -c timezone=UTC"
)
_REASONS: Final = {
    "08": "the connection was lost",
    "28": "it refuses this user or password",
    "3D": "there is no database of that name",
    "42501": "this user may not do that",
    "53300": "it has no connection left",
    "53": "its disk is full, or its memory",
    "55P03": "another server holds a lock for too long",
    "57014": "it took too long",
    "57": "it is being stopped or started",
    "25006": "it lets nobody write now",
}


def is_address(text: str) -> bool:
    """Tell whether a text is the address of a PostgreSQL database, rather than a path."""
    return text.startswith(_SCHEMES)


class Database:
    """A database that several threads use, and that answers or fails within seconds.

    What it raises names host and database, and never user, password or anything else of the address.
    """

    def __init__(self, address: str, *, connections: int = 4) -> None:
        """Read the address; nothing is connected yet.

        Args:
            address: `postgresql://USER@HOST:PORT/DATABASE`, as libpq reads it. A password is best kept in the file
                that libpq's PGPASSFILE names.
            connections: most that are open at once.

        Raises:
            DependencyError: the extra postgres is not installed.
            SettingError: that is no such address.
        """
        try:
            import psycopg
            import psycopg.conninfo
        except ImportError:
            raise DependencyError("a PostgreSQL address needs an extra: pip install 'nobodies[postgres]'") from None
        try:
            if not is_address(address):
                raise ValueError
            parts = psycopg.conninfo.conninfo_to_dict(address)
            self._name = _name_of(parts)
        except (ValueError, psycopg.Error):
            # What was given may hold a password, and so may the reason why it cannot be read.
            raise SettingError(
                "the address of a database cannot be read: give postgresql://USER@HOST:PORT/DATABASE, with "
                "special characters as %XX"
            ) from None
        self._psycopg = psycopg
        self._options: dict[str, Any] = {**_LIMITS, "options": _SESSION_LIMITS, **parts}
        self._free = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection[Any]] = []
        self._is_down = False
        self._shut_until = 0.0
        self.num_connected = 0
        """How often a connection was made. Behind a new one there may be another server, or an older state."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        """Name it, without credentials."""
        return self._name

    @property
    def is_down(self) -> bool:
        """Whether the last try to use it failed."""
        return self._is_down

    @contextlib.contextmanager
    def transaction(self) -> "Iterator[psycopg.Connection[Any]]":
        """Give a connection for one transaction: all that is done in it is kept, or nothing.

        Raises:
            UnreachableError: the database is down, or cannot be used now. For a second after that, others are told
                so at once; then one of them tries again. If it comes at the end, all may have been kept or nothing.
            OutputError: it refuses the work.
        """
        self._admit()
        if not self._free.acquire(timeout=_WAIT_S):
            raise UnreachableError(f"{self} is too busy", retry_after_s=2)
        try:
            with self._explained():
                connection = self._begun()
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    connection.close()
                    raise
                with self._lock:
                    self._idle.append(connection)
                    self._is_down = False
        finally:
            self._free.release()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            with contextlib.suppress(self._psycopg.Error):
                each.close()

    def _admit(self) -> None:
        with self._lock:
            if not self._is_down:
                return
            if time.monotonic() < self._shut_until:
                raise UnreachableError(f"{self} does not answer", retry_after_s=2)
            self._shut_until = time.monotonic() + _CONNECT_S + _PAUSE_S  # this one tries, the others wait for it

    def _begun(self) -> "psycopg.Connection[Any]":
        """A connection with a transaction begun on it: an idle one, unless it was lost since it was last used."""
        while (idle := self._taken()) is not None:
            try:
                idle.execute("BEGIN")
            except (self._psycopg.OperationalError, self._psycopg.InterfaceError):
                idle.close()
            else:
                return idle
        connection = self._psycopg.connect(**self._options, autocommit=True)
        self.num_connected += 1
        connection.execute("BEGIN")
        return connection

    def _taken(self) -> "psycopg.Connection[Any] | None":
        with self._lock:
            return self._idle.pop() if self._idle else None

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (self._psycopg.OperationalError, self._psycopg.InterfaceError) as error:
            self._note_failure()
            raise UnreachableError(f"cannot use the {self}: {_reason(error)}", retry_after_s=2) from None
        except self._psycopg.errors.ReadOnlySqlTransaction as error:  # as of one that is being replaced
            self._note_failure()
            raise UnreachableError(f"cannot use the {self}: {_reason(error)}", retry_after_s=2) from None
        except self._psycopg.Error as error:
            raise OutputError(f"cannot use the {self}: {_reason(error)}") from None

    def _note_failure(self) -> None:
        with self._lock:
            if not self._is_down:
                _log.warning("the %s is down", self)
            self._is_down = True
            self._shut_until = time.monotonic() + _PAUSE_S


def _name_of(parts: Mapping[str, Any]) -> str:
    """Name a database by its host, port and name.

    Raises:
        ValueError: one has characters that it should not have. Then the address was cut in wrong places, as at a
            slash in its password, and any part may be one of the password.
    """
    host, port, name = (str(parts.get(part) or "") for part in ("host", "port", "dbname"))
    if not (_HOST.fullmatch(host) and _PORT.fullmatch(port) and _DATABASE.fullmatch(name)):
        raise ValueError
    return f"database {host or 'localhost'}:{port or 5432}/{name}"


def _reason(error: "psycopg.Error") -> str:
    """Say what is wrong in our words: those of the server may name a user."""
    state = error.sqlstate or ""
    known = _REASONS.get(state) or _REASONS.get(state[:2])
    if known:
        return known
    if state:
        return f"it refuses with code {state}"
    text = str(error)
    if "authentication" in text or "password" in text:
        return _REASONS["28"]
    return _REASONS["3D"] if 'database "' in text else "it does not answer"
