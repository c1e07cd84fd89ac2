"""The ledger of faces given out, and of people who are not to be resembled.

A face is recorded before it is given: checking and recording are one transaction, so that of several workers and
servers only one can give out a face, and a crash at any moment leaves a face recorded that may not have been given,
never one given that is not recorded.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from nobodies.database import Database, is_address
from nobodies.errors import ShapeError
from nobodies.settings import UniqueSettings, environment
from nobodies.uniqueness.index import Index
from nobodies.uniqueness.look import Embedding
from nobodies.uniqueness.neighbours import Rows
from nobodies.vision.identity import NUM_DIMENSIONS

RecordKind = Literal["given", "blocked"]

_ROWS_AT_ONCE: Final = 50_000
_CONFIRMED_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the ledger."""

    id: int
    """Grows with every line, in the order in which they were recorded."""
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


class Page(Protocol):
    """The book, opened for one transaction."""

    def after(self, last: int, count: int) -> tuple[NDArray[np.int64], Rows]:
        """Give numbers and embeddings of the first `count` lines behind number `last`."""
        ...

    def lines(self, ids: Sequence[int]) -> list[tuple[Record, Embedding]]:
        """Give those of these lines that there are, in any order."""
        ...

    def is_held(self, name: str, holder: str) -> bool:
        """Tell whether a holder has been given the face of that name."""
        ...

    def write(self, kind: RecordKind, name: str, holder: str, embedding: Embedding) -> int:
        """Record a line; give its number."""
        ...

    def strike(self, record_id: int) -> bool:
        """Remove a blocked one; False if there is none of that number."""
        ...

    def records(self, kind: RecordKind, last: int, count: int) -> list[Record]:
        """Give the first `count` lines of a kind behind number `last`."""
        ...


class Book(Protocol):
    """What keeps the lines of a ledger: a file, or a database that servers share."""

    @property
    def generation(self) -> int:
        """Changes when the book may have been exchanged for another state of it."""
        ...

    def reading(self) -> contextlib.AbstractContextManager[Page]:
        """Open it to read."""
        ...

    def writing(self) -> contextlib.AbstractContextManager[Page]:
        """Open it with the one right to write, which no other process or server has meanwhile.

        All that is written is kept when this ends, or nothing. Lines get their numbers in the order in which they
        become visible to others.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Ledger:
    """Faces given out and people blocked. May be shared by threads.

    The book is the truth. Beside it, each process keeps an exact index in memory, and reads what others have recorded
    since before it answers.
    """

    def __init__(self, book: Book, *, distance: float) -> None:
        """Open a ledger.

        Args:
            book: what keeps it.
            distance: two embeddings closer than this count as one person; see `vision.identity.threshold`.

        Raises:
            NobodiesError: the book cannot be read.
        """
        self.distance = distance
        self._book = book
        self._lock = threading.Lock()
        self._forget()
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Count the lines known to this process."""
        return len(self._index)

    def close(self) -> None:
        """Let go of the book."""
        with self._lock:
            self._book.close()

    def claim(self, name: str, embedding: Embedding, *, holder: str) -> Match | None:
        """Record a face as given, unless it resembles one given before or a person who is blocked.

        Args:
            name: what names the face, such as the digest of its recipe.
            embedding: whom it shows, [128].
            holder: who gets it. The same face may be claimed by the same holder again, so that work that was
                interrupted between recording and giving can be repeated.

        Returns:
            None if it is recorded now; otherwise what it resembles.

        Raises:
            ShapeError: that is no embedding.
            UnreachableError: the database does not answer. Then nothing may be given out.
            OutputError: the book cannot be written; nothing may be given out either.
        """
        row = _checked(embedding)
        with self._lock:
            with self._book.reading() as page:
                self._catch_up(page)
            # The long part of the search comes before the right to write, so that others wait only for the short one.
            num_seen = len(self._index)
            near = self._index.within(row, self.distance)
            with self._book.writing() as page:
                if page.is_held(name, holder):
                    return None
                if self._catch_up(page):
                    near = self._index.within(row, self.distance)
                elif len(self._index) > num_seen:
                    near += self._index.within(row, self.distance, first=num_seen)
                match = self._confirmed(page, row, near)
                if match is not None:
                    return match
                number = page.write("given", name, holder, row)
            self._take_in(np.array([number]), row[None])
            return None

    def resembled(self, embedding: Embedding) -> Match | None:
        """Give the nearest recorded face within the distance, or None. Records nothing.

        Raises:
            ShapeError: that is no embedding.
            NobodiesError: the book cannot be read.
        """
        row = _checked(embedding)
        with self._lock, self._book.reading() as page:
            self._catch_up(page)
            return self._confirmed(page, row, self._index.within(row, self.distance))

    def seems_resembled(self, embedding: Embedding) -> bool:
        """Tell the same from memory alone, at once, also while the book is out of reach. May miss what is newest.

        Raises:
            ShapeError: that is no embedding.
        """
        return bool(self._index.within(_checked(embedding), self.distance))

    def refresh(self) -> None:
        """Read what others have recorded since the last time.

        Raises:
            NobodiesError: the book cannot be read.
        """
        with self._lock, self._book.reading() as page:
            self._catch_up(page)

    def block(self, embedding: Embedding, *, note: str) -> int:
        """Never again give out a face that resembles this one.

        Returns:
            The number of the record.

        Raises:
            ShapeError: that is no embedding.
            NobodiesError: the book cannot be written.
        """
        row = _checked(embedding)
        with self._lock:
            with self._book.writing() as page:
                self._catch_up(page)
                number = page.write("blocked", note, "", row)
            self._take_in(np.array([number]), row[None])
            return number

    def unblock(self, record_id: int) -> bool:
        """Remove a block; False if there is none of that number.

        Raises:
            NobodiesError: the book cannot be written.
        """
        with self._lock, self._book.writing() as page:
            # Indexes still propose it; as its line is gone, it is passed over.
            return page.strike(record_id)

    def records(self, kind: RecordKind) -> Iterator[Record]:
        """Go through all records of a kind, oldest first.

        Raises:
            NobodiesError: the book cannot be read.
        """
        last = 0
        while True:
            with self._lock, self._book.reading() as page:
                records = page.records(kind, last, 1000)
            if not records:
                return
            yield from records
            last = records[-1].id

    def _forget(self) -> None:
        self._index = Index()
        self._seen = 0
        self._seen_row: Embedding | None = None
        self._generation = self._book.generation

    def _catch_up(self, page: Page) -> bool:
        """Take into the index what was recorded since the last time; True if it had to be made anew."""
        anew = self._generation != self._book.generation and not self._is_still_there(page)
        if anew:
            self._forget()
        self._generation = self._book.generation
        while True:
            ids, rows = page.after(self._seen, _ROWS_AT_ONCE)
            if not len(ids):
                return anew
            self._take_in(ids, rows)

    def _take_in(self, ids: NDArray[np.int64], rows: Rows) -> None:
        self._index.add(ids, rows)
        self._seen, self._seen_row = int(ids[-1]), rows[-1].copy()

    def _is_still_there(self, page: Page) -> bool:
        """Tell whether the book holds what was seen last; another state of it may have been put in its place."""
        if self._seen_row is None:
            return True
        return any(np.array_equal(row, self._seen_row) for _, row in page.lines([self._seen]))

    def _confirmed(self, page: Page, row: Embedding, near: Sequence[int]) -> Match | None:
        """The nearest of what the index proposes, nearest first, by its line in the book."""
        for first in range(0, len(near), _CONFIRMED_AT_ONCE):
            lines = page.lines(near[first : first + _CONFIRMED_AT_ONCE])
            matches = [Match(record, float(np.linalg.norm(kept - row))) for record, kept in lines]
            close = [match for match in matches if match.distance < self.distance]
            if close:
                return min(close, key=lambda match: match.distance)
        return None


def _checked(embedding: Embedding) -> Embedding:
    if np.shape(embedding) != (NUM_DIMENSIONS,) or not np.isfinite(embedding).all():
        raise ShapeError(f"an embedding is [{NUM_DIMENSIONS}] finite numbers, got {list(np.shape(embedding))}")
    return np.ascontiguousarray(embedding, np.float32)


def packed(embedding: Embedding) -> bytes:
    """Write an embedding as books keep it: 128 numbers of 32 bits, little-endian."""
    return embedding.astype("<f4").tobytes()


def unpacked(lines: Sequence[tuple[int, bytes]]) -> tuple[NDArray[np.int64], Rows]:
    """Read numbers and embeddings of lines.

    Raises:
        ValueError: one of the embeddings does not have the right length.
    """
    ids = np.array([number for number, _ in lines], np.int64)
    rows = np.frombuffer(b"".join(content for _, content in lines), "<f4").astype(np.float32)
    return ids, rows.reshape(len(lines), NUM_DIMENSIONS)


def open_ledger(settings: UniqueSettings, place: str | Path | None = None) -> Ledger:
    """Open a ledger, or begin one.

    Args:
        settings: the distance.
        place: a file, or the address of a PostgreSQL database; this installation's own file if None.

    Raises:
        DependencyError: the extra postgres is needed and not installed.
        SettingError: the address cannot be read.
        UnreachableError: the database does not answer.
        InputError: the file is no ledger.
        OutputError: it cannot be made.
    """
    from nobodies.uniqueness.postgres_book import PostgresBook
    from nobodies.uniqueness.sqlite_book import SqliteBook

    if place is not None and is_address(str(place)):
        return Ledger(PostgresBook(Database(str(place), connections=1)), distance=settings.distance)
    return Ledger(SqliteBook(Path(place or environment().data_dir / "faces.db")), distance=settings.distance)
