"""What servers of one site share through PostgreSQL: how often a visitor has asked, and who may call the API."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nobodies.database import Database
from nobodies.errors import NobodiesError
from nobodies.web.keys import Rate

if TYPE_CHECKING:
    import psycopg

Result = TypeVar("Result")

_LOCK: Final = 0x6E6F626F646966
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS nobodies_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    note text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNLOGGED TABLE IF NOT EXISTS nobodies_rate (
    visitor text PRIMARY KEY,
    free_at timestamptz NOT NULL
);
"""
# A bucket that fills again through a minute, kept as one time: when it will be full. (The generic cell rate
# algorithm of ATM networks.) The database's clock counts, so that servers need not agree about the time.
_TAKE: Final = """
INSERT INTO nobodies_rate AS bucket VALUES (%(visitor)s, clock_timestamp() + %(step_s)s * interval '1 s')
ON CONFLICT (visitor) DO UPDATE
    SET free_at = greatest(bucket.free_at, clock_timestamp()) + %(step_s)s * interval '1 s'
    WHERE bucket.free_at + %(step_s)s * interval '1 s' <= clock_timestamp() + interval '60 s'
RETURNING 0
"""
_WAIT: Final = """
SELECT extract(epoch FROM free_at - clock_timestamp())::float8 + %(step_s)s - 60
FROM nobodies_rate WHERE visitor = %(visitor)s
"""
_SWEEP_S: Final = 60.0
_GOOD_FOR_S: Final = 30.0
_BAD_FOR_S: Final = 2.0
_MOST_REMEMBERED: Final = 10_000


def prepare(database: Database) -> None:
    """Make the tables, unless they are there.

    Raises:
        UnreachableError: the database does not answer.
        OutputError: it refuses.
    """
    with database.transaction() as connection:
        if connection.execute("SELECT to_regclass('nobodies_rate')").fetchone() == (None,):
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            connection.execute(_SCHEMA)


class SharedRate:
    """How often each visitor may ask all servers together; this one alone while the database does not answer."""

    def __init__(self, database: Database, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up.

        Args:
            database: prepared, or prepared when it is first needed.
            per_minute: requests of one visitor in a minute; 0 for any number.
            clock: seconds.
        """
        self._tables = _Tables(database)
        self._per_minute = per_minute
        self._own = Rate(per_minute, clock)
        self._clock = clock
        self._swept_at = clock()

    def wait_s(self, visitor: str) -> float:
        """Take a token; see `Rate.wait_s`."""
        if not self._per_minute:
            return 0.0
        try:
            return self._tables.use(lambda connection: self._take(connection, visitor))
        except NobodiesError:
            return self._own.wait_s(visitor)

    def _take(self, connection: "psycopg.Connection[Any]", visitor: str) -> float:
        asked = {"visitor": visitor, "step_s": 60 / self._per_minute}
        if self._clock() - self._swept_at > _SWEEP_S:
            self._swept_at = self._clock()
            connection.execute("DELETE FROM nobodies_rate WHERE free_at < clock_timestamp()")
        if connection.execute(_TAKE, asked).fetchone() is not None:
            return 0.0
        row = connection.execute(_WAIT, asked).fetchone()
        return max(0.0, float(row[0])) if row else 0.0


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key that is kept: its digest is, the key itself is not."""

    id: int
    note: str
    added_at: str


class SharedKeys:
    """API keys in the database. What it said of one is believed for a while, so that short outages are not felt."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the database."""
        self._tables = _Tables(database)
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, tuple[bool, float]] = OrderedDict()

    def holds(self, digest: bytes) -> bool:
        """Tell whether there is a key of that digest; one that was removed is believed for up to half a minute.

        Raises:
            UnreachableError: the database does not answer, and has not lately.
        """
        with self._lock:
            is_good, until = self._answers.get(digest, (False, 0.0))
        if self._clock() < until:
            return is_good
        found = self._tables.use(
            lambda connection: connection.execute(
                "SELECT 1 FROM nobodies_key WHERE digest = %s", (digest,)
            ).fetchone()
        )
        with self._lock:
            self._answers[digest] = found is not None, self._clock() + (_GOOD_FOR_S if found else _BAD_FOR_S)
            self._answers.move_to_end(digest)
            if len(self._answers) > _MOST_REMEMBERED:
                self._answers.popitem(last=False)
        return found is not None

    def add(self, note: str) -> str:
        """Make a key, and keep its digest; the key is known to the caller alone.

        Raises:
            NobodiesError: the database does not answer, or refuses.
        """
        key = secrets.token_urlsafe(24)
        digest = sha256(key.encode()).digest()
        self._tables.use(
            lambda connection: connection.execute(
                "INSERT INTO nobodies_key (digest, note) VALUES (%s, %s)", (digest, note)
            )
        )
        return key

    def remove(self, number: int) -> bool:
        """Make a key invalid; False if there is none of that number.

        Raises:
            NobodiesError: the database does not answer, or refuses.
        """
        return self._tables.use(
            lambda connection: connection.execute("DELETE FROM nobodies_key WHERE id = %s", (number,)).rowcount > 0
        )

    def records(self) -> list[KeyRecord]:
        """List the keys.

        Raises:
            NobodiesError: the database does not answer.
        """
        rows = self._tables.use(
            lambda connection: connection.execute(
                """SELECT id, note, to_char(added_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM nobodies_key ORDER BY id"""
            ).fetchall()
        )
        return [KeyRecord(*row) for row in rows]


class _Tables:
    """The database, with the tables made once it first answers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_prepared = False

    def use(self, work: "Callable[[psycopg.Connection[Any]], Result]") -> Result:
        if not self._is_prepared:
            prepare(self._database)
            self._is_prepared = True
        with self._database.transaction() as connection:
            return work(connection)
