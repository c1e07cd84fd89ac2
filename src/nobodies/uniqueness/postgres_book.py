"""A ledger's book in a PostgreSQL database, for any number of servers."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.database import Database
from nobodies.errors import InputError
from nobodies.uniqueness.ledger import Page, Record, RecordKind, packed, unpacked
from nobodies.uniqueness.look import Embedding
from nobodies.uniqueness.neighbours import Rows

if TYPE_CHECKING:
    import psycopg

_LOCK: Final = 0x6E6F626F646965
"""Names the right to write among PostgreSQL's advisory locks."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS nobodies_face (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('given', 'blocked')),
    name text NOT NULL,
    holder text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    embedding bytea NOT NULL CHECK (octet_length(embedding) = 512)
);
CREATE INDEX IF NOT EXISTS nobodies_face_by_name ON nobodies_face (name);
"""
_FIELDS: Final = """id, kind, name, holder, to_char(recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


class PostgresBook:
    """The table. Numbers of lines are given under the lock that is held to the end of a transaction.

    So a line with a lower number never becomes visible after one with a higher number, and whoever reads what is
    behind the last number seen misses nothing.
    """

    def __init__(self, database: Database) -> None:
        """Open the table, or make it.

        Raises:
            UnreachableError: the database does not answer.
            OutputError: it refuses.
        """
        self._database = database
        with database.transaction() as connection:
            # Making a table that is there needs a right that whoever uses it need not have.
            if connection.execute("SELECT to_regclass('nobodies_face')").fetchone() == (None,):
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                connection.execute(_SCHEMA)

    @property
    def generation(self) -> int:
        """See `Book.generation`."""
        return self._database.num_connected

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Page]:
        """See `Book.reading`.

        Raises:
            InputError: the table holds something else.
            UnreachableError: the database does not answer.
        """
        with self._database.transaction() as connection:
            yield _PostgresPage(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Page]:
        """See `Book.writing`.

        Raises:
            InputError: the table holds something else.
            UnreachableError: the database does not answer, or stopped answering before all was recorded.
        """
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield _PostgresPage(connection)


class _PostgresPage:
    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def after(self, last: int, count: int) -> tuple[NDArray[np.int64], Rows]:
        asked = "SELECT id, embedding FROM nobodies_face WHERE id > %s ORDER BY id LIMIT %s"
        return _unpacked(self._connection.execute(asked, (last, count), binary=True).fetchall())

    def lines(self, ids: Sequence[int]) -> list[tuple[Record, Embedding]]:
        asked = f"SELECT {_FIELDS}, embedding FROM nobodies_face WHERE id = ANY(%s)"
        found = self._connection.execute(asked, (list(ids),), binary=True).fetchall()
        _, rows = _unpacked([(each[0], each[5]) for each in found])
        return [(Record(*each[:5]), row) for each, row in zip(found, rows, strict=True)]

    def is_held(self, name: str, holder: str) -> bool:
        held = "SELECT 1 FROM nobodies_face WHERE name = %s AND kind = 'given' AND holder = %s"
        return self._connection.execute(held, (name, holder)).fetchone() is not None

    def write(self, kind: RecordKind, name: str, holder: str, embedding: Embedding) -> int:
        done = self._connection.execute(
            "INSERT INTO nobodies_face (kind, name, holder, embedding) VALUES (%s, %s, %s, %s) RETURNING id",
            (kind, name, holder, packed(embedding)),
        ).fetchone()
        assert done is not None, "an insertion has a row"
        return int(done[0])

    def strike(self, record_id: int) -> bool:
        struck = "DELETE FROM nobodies_face WHERE id = %s AND kind = 'blocked'"
        return self._connection.execute(struck, (record_id,)).rowcount > 0

    def records(self, kind: RecordKind, last: int, count: int) -> list[Record]:
        asked = f"SELECT {_FIELDS} FROM nobodies_face WHERE kind = %s AND id > %s ORDER BY id LIMIT %s"
        return [Record(*each) for each in self._connection.execute(asked, (kind, last, count))]


def _unpacked(lines: Sequence[tuple[int, bytes]]) -> tuple[NDArray[np.int64], Rows]:
    try:
        return unpacked(lines)
    except ValueError as error:
        raise InputError(f"the table nobodies_face holds something else than embeddings: {error}") from error
