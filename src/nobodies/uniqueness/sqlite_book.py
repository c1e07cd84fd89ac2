"""A ledger's book in one SQLite file, for any number of processes of one machine."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import InputError, OutputError
from nobodies.files import make_folder
from nobodies.uniqueness.ledger import Page, Record, RecordKind, packed, unpacked
from nobodies.uniqueness.look import Embedding
from nobodies.uniqueness.neighbours import Rows

_BUSY_S: Final = 60.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS face (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('given', 'blocked')),
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    recorded_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    embedding BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS face_by_name ON face (name);
"""
_FIELDS: Final = "id, kind, name, holder, recorded_at"


class SqliteBook:
    """The file. Whoever uses it calls from one thread at a time, as `Ledger` does."""

    generation = 0

    def __init__(self, path: Path) -> None:
        """Open a file, or begin one.

        Raises:
            InputError: the file is no ledger.
            OutputError: it cannot be made.
        """
        self.path = path
        make_folder(path.parent)
        with self._explained():
            # Transactions are begun by hand; see `writing`.
            self._base = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Page]:
        """See `Book.reading`.

        Raises:
            InputError: the file is damaged.
            OutputError: it cannot be used.
        """
        with self._explained():
            yield _SqlitePage(self._base)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Page]:
        """See `Book.writing`.

        Raises:
            InputError: the file is damaged.
            OutputError: it cannot be written.
        """
        with self._explained():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield _SqlitePage(self._base)
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"cannot use the ledger {self.path}: {error}; check the disk and who else uses it"
            ) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise InputError(f"{self.path} is not a ledger, or damaged: {error}; restore a copy of it") from error


class _SqlitePage:
    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def after(self, last: int, count: int) -> tuple[NDArray[np.int64], Rows]:
        return unpacked(
            self._base.execute(
                "SELECT id, embedding FROM face WHERE id > ? ORDER BY id LIMIT ?", (last, count)
            ).fetchall()
        )

    def lines(self, ids: Sequence[int]) -> list[tuple[Record, Embedding]]:
        marks = ",".join("?" * len(ids))
        found = self._base.execute(f"SELECT {_FIELDS}, embedding FROM face WHERE id IN ({marks})", ids).fetchall()
        return [(Record(*each[:5]), unpacked([(0, each[5])])[1][0]) for each in found]

    def is_held(self, name: str, holder: str) -> bool:
        held = "SELECT 1 FROM face WHERE name = ? AND kind = 'given' AND holder = ?"
        return self._base.execute(held, (name, holder)).fetchone() is not None

    def write(self, kind: RecordKind, name: str, holder: str, embedding: Embedding) -> int:
        done = self._base.execute(
            "INSERT INTO face (kind, name, holder, embedding) VALUES (?, ?, ?, ?)",
            (kind, name, holder, packed(embedding)),
        )
        assert done.lastrowid is not None, "an insertion has a row"
        return done.lastrowid

    def strike(self, record_id: int) -> bool:
        return self._base.execute("DELETE FROM face WHERE id = ? AND kind = 'blocked'", (record_id,)).rowcount > 0

    def records(self, kind: RecordKind, last: int, count: int) -> list[Record]:
        asked = f"SELECT {_FIELDS} FROM face WHERE kind = ? AND id > ? ORDER BY id LIMIT ?"
        return [Record(*each) for each in self._base.execute(asked, (kind, last, count))]
