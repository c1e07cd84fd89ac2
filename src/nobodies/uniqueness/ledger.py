"""The ledger of faces given out, and of people who are not to be resembled.

A face is recorded before it is given: checking and recording are one transaction, so that of several workers only
one can give out a face, and a crash at any moment leaves a face recorded that may not have been given, never one
given that is not recorded.
"""

import contextlib
import logging
import re
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, Self

import numpy as np

from nobodies.errors import InputError, OutputError, ShapeError
from nobodies.files import make_folder
from nobodies.settings import UniqueSettings, environment
from nobodies.uniqueness.look import Embedding
from nobodies.uniqueness.neighbours import Index, Rows
from nobodies.vision.identity import NUM_DIMENSIONS

RecordKind = Literal["given", "blocked"]

_NUM_CANDIDATES: Final = 16
_SYNC_ROWS: Final = 50_000
_UNSAVED_ROWS: Final = 5_000
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

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the ledger."""

    id: int
    kind: RecordKind
    name: str
    """What names a face that was given; the operator's note on one that is blocked."""
    holder: str
    """Who got it."""
    recorded_at: str
    """Time, UTC."""


@dataclass(frozen=True, slots=True)
class Match:
    """A recorded face that another is taken for."""

    record: Record
    distance: float


class Ledger(Protocol):
    """What a ledger can do, whatever keeps it."""

    def claim(self, name: str, embedding: Embedding, *, holder: str) -> Match | None:
        """Record a face as given, unless it resembles one given before or a person who is blocked.

        Args:
            name: what names the face, such as the digest of its recipe.
            embedding: whom it shows, [128].
            holder: who gets it. The same face may be claimed by the same holder again, so that work that was
                interrupted between recording and giving can be repeated.

        Returns:
            None if it is recorded now; otherwise what it resembles.
        """
        ...

    def resembled(self, embedding: Embedding) -> Match | None:
        """Give the nearest recorded face within the distance, or None. Records nothing."""
        ...

    def block(self, embedding: Embedding, *, note: str) -> int:
        """Never again give out a face that resembles this one.

        Returns:
            The number of the record.
        """
        ...

    def unblock(self, record_id: int) -> bool:
        """Remove a block; False if there is none of that number."""
        ...

    def records(self, kind: RecordKind) -> Iterator[Record]:
        """Go through all records of a kind, oldest first."""
        ...


class SqliteLedger:
    """A ledger in one SQLite file, for any number of processes of one machine.

    The file is the truth. Beside it, each process keeps an approximate index in memory, brought up to date from the
    file within each transaction, and saved now and then so that the next start is quick.
    """

    def __init__(self, path: Path, *, distance: float) -> None:
        """Open a ledger, or begin one.

        Args:
            path: the file.
            distance: two embeddings closer than this count as one person; see `vision.identity.threshold`.

        Raises:
            DependencyError: the extra unique is not installed.
            InputError: the file is no ledger.
            OutputError: it cannot be made.
        """
        self.path = path
        self.distance = distance
        self._index = Index()
        self._lock = threading.Lock()
        make_folder(path.parent)
        with self._explained():
            # Transactions are begun by hand; see `_transaction`.
            self._base = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.executescript(_SCHEMA)
        self._seen = self._load_index()
        with self._lock:
            self._sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Save the index if much is new, and let go of the file."""
        with self._lock:
            if self._seen - self._saved >= _UNSAVED_ROWS:
                self._save_index()
            self._base.close()

    def claim(self, name: str, embedding: Embedding, *, holder: str) -> Match | None:
        """See `Ledger.claim`.

        Raises:
            ShapeError: that is no embedding.
            OutputError: the file cannot be written.
        """
        row = _checked(embedding)
        with self._transaction():
            if self._base.execute(
                "SELECT 1 FROM face WHERE name = ? AND kind = 'given' AND holder = ?", (name, holder)
            ).fetchone():
                return None
            match = self._nearest(row)
            if match is None:
                self._insert("given", name, holder, row)
            return match

    def resembled(self, embedding: Embedding) -> Match | None:
        """See `Ledger.resembled`.

        Raises:
            ShapeError: that is no embedding.
        """
        row = _checked(embedding)
        with self._lock, self._explained():
            return self._nearest(row)

    def block(self, embedding: Embedding, *, note: str) -> int:
        """See `Ledger.block`.

        Raises:
            ShapeError: that is no embedding.
            OutputError: the file cannot be written.
        """
        row = _checked(embedding)
        with self._transaction():
            return self._insert("blocked", note, "", row)

    def unblock(self, record_id: int) -> bool:
        """See `Ledger.unblock`.

        Raises:
            OutputError: the file cannot be written.
        """
        with self._transaction():
            # The index still proposes it; as its row is gone, it is passed over.
            removed = self._base.execute("DELETE FROM face WHERE id = ? AND kind = 'blocked'", (record_id,))
            return removed.rowcount > 0

    def records(self, kind: RecordKind) -> Iterator[Record]:
        """See `Ledger.records`."""
        last = 0
        while True:
            with self._lock, self._explained():
                rows = self._base.execute(
                    "SELECT id, kind, name, holder, recorded_at FROM face"
                    " WHERE kind = ? AND id > ? ORDER BY id LIMIT 1000",
                    (kind, last),
                ).fetchall()
            if not rows:
                return
            yield from (Record(*row) for row in rows)
            last = rows[-1][0]

    def _nearest(self, row: Embedding) -> Match | None:
        """The nearest record within the distance, by exact comparison of what the index proposes."""
        self._sync()
        proposed = self._index.candidates(row, _NUM_CANDIDATES)
        if not proposed:
            return None
        marks = ",".join("?" * len(proposed))
        found = self._base.execute(
            f"SELECT id, kind, name, holder, recorded_at, embedding FROM face WHERE id IN ({marks})", proposed
        ).fetchall()
        matches = [Match(Record(*each[:5]), float(np.linalg.norm(_unpacked(each[5]) - row))) for each in found]
        near = [match for match in matches if match.distance < self.distance]
        return min(near, key=lambda match: match.distance, default=None)

    def _insert(self, kind: RecordKind, name: str, holder: str, row: Embedding) -> int:
        done = self._base.execute(
            "INSERT INTO face (kind, name, holder, embedding) VALUES (?, ?, ?, ?)",
            (kind, name, holder, row.astype("<f4").tobytes()),
        )
        assert done.lastrowid is not None, "an insertion has a row"
        return done.lastrowid

    def _sync(self) -> None:
        """Take into the index what this or another process has recorded since."""
        while True:
            rows = self._base.execute(
                "SELECT id, embedding FROM face WHERE id > ? ORDER BY id LIMIT ?", (self._seen, _SYNC_ROWS)
            ).fetchall()
            if not rows:
                return
            ids = np.array([each[0] for each in rows], np.int64)
            self._index.add(ids, np.stack([_unpacked(each[1]) for each in rows]))
            self._seen = int(ids[-1])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Hold the one right to write, across threads and processes; keep all that is done in it, or nothing."""
        with self._lock, self._explained():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
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
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path} is not a ledger, or damaged: {error}; restore a copy of it") from error

    def _index_files(self) -> dict[int, Path]:
        """Saved indexes by the last record that is in them."""
        pattern = re.compile(rf"{re.escape(self.path.stem)}-(\d+)\.index")
        found = ((pattern.fullmatch(path.name), path) for path in self.path.parent.iterdir())
        return {int(name[1]): path for name, path in found if name}

    def _load_index(self) -> int:
        """Load the newest index that fits; give the last record in it."""
        (last,) = self._base.execute("SELECT coalesce(max(id), 0) FROM face").fetchone()
        self._saved = 0
        for number, path in sorted(self._index_files().items(), reverse=True):
            # One from beyond the end belongs to a ledger that is no more: a copy was put back in its place.
            if number <= last and self._index.load(path):
                self._saved = number
                return number
        return 0

    def _save_index(self) -> None:
        old = self._index_files()
        try:
            self._index.save(self.path.with_name(f"{self.path.stem}-{self._seen}.index"))
        except OutputError as error:
            _log.warning("the index is not kept, the next start takes longer: %s", error)
            return
        self._saved = self._seen
        for number, path in old.items():
            if number != self._seen:
                path.unlink(missing_ok=True)


def _checked(embedding: Embedding) -> Embedding:
    if np.shape(embedding) != (NUM_DIMENSIONS,) or not np.isfinite(embedding).all():
        raise ShapeError(f"an embedding is [{NUM_DIMENSIONS}] finite numbers, got {list(np.shape(embedding))}")
    return np.ascontiguousarray(embedding, np.float32)


def _unpacked(blob: bytes) -> Rows:
    return np.frombuffer(blob, "<f4").astype(np.float32)


def open_ledger(settings: UniqueSettings, path: Path | None = None) -> SqliteLedger:
    """Open this installation's ledger, or the one in a file.

    Raises:
        DependencyError: the extra unique is not installed.
        InputError: the file is no ledger.
        OutputError: it cannot be made.
    """
    return SqliteLedger(path or environment().data_dir / "faces.db", distance=settings.distance)
