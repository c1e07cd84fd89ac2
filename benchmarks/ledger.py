"""How fast a ledger of many faces answers, and whether it misses anything that exact search finds.

    python -m benchmarks.ledger --stored 1000000 [--like COLLECTION] [--postgres]

With --like, a folder that 'nobodies audit' keeps, embeddings lie as those do: each is one of them, moved so that mean
and covariance stay (a smoothed bootstrap). Without, they lie evenly on a sphere. Prints figures; asserts nothing.
"""

import argparse
import contextlib
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.postgres import running_postgres

from nobodies.database import is_address
from nobodies.settings import UniqueSettings
from nobodies.uniqueness.collection import Collection
from nobodies.uniqueness.ledger import Ledger, open_ledger, packed
from nobodies.uniqueness.neighbours import Rows, compare

_CHUNK = 50_000
_LOOK_ALIKE = 0.15
_MOVED = 0.6


def main() -> None:
    """Fill a ledger, then ask it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--distance", type=float, default=UniqueSettings.distance)
    parser.add_argument("--like", type=Path, help="a collection of embeddings")
    parser.add_argument("--folder", type=Path, help="keep the ledger's file here, and use it again")
    parser.add_argument("--postgres", action="store_true", help="keep it in a PostgreSQL database instead")
    parser.add_argument(
        "--exact", action=argparse.BooleanOptionalAction, default=True, help="hold against exact search"
    )
    arguments = parser.parse_args()
    settings = UniqueSettings(distance=arguments.distance)
    draw = Distribution(arguments.like)
    with place(arguments) as where:
        if is_address(where) or not Path(where).exists():
            fill(where, draw, arguments.stored, settings)
        start = time.perf_counter()
        with open_ledger(settings, where) as ledger:
            opened_s = time.perf_counter() - start
            print(f"opened in {opened_s:.1f} s with {len(ledger)} lines; memory {memory_mb():.0f} MB", flush=True)
            ask(ledger, draw, arguments.queries, arguments.stored, exact=arguments.exact)


@contextlib.contextmanager
def place(arguments: argparse.Namespace) -> Iterator[str]:
    """Where the ledger is kept."""
    if arguments.postgres:
        with running_postgres() as server:
            yield server.address()
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield str((arguments.folder or Path(temporary)) / "faces.db")


class Distribution:
    """Embeddings that lie like real ones."""

    def __init__(self, folder: Path | None) -> None:
        """Take the rows of a collection."""
        self._rows = Collection.reopen(folder).rows().astype(np.float64) if folder else np.zeros((1, 128))
        self._rows = self._rows[np.isfinite(self._rows).all(axis=1)]
        self._mean = self._rows.mean(axis=0)
        covariance = np.cov(self._rows.T) if folder else np.eye(128) / (128 * _MOVED**2)
        self._spread = np.linalg.cholesky(covariance + 1e-9 * np.eye(128)).T

    def rows(self, seed: tuple[int, int], count: int) -> Rows:
        """Draw embeddings, [count, 128]."""
        rng = np.random.default_rng(seed)
        chosen = self._rows[rng.integers(0, len(self._rows), count)] - self._mean
        moved = rng.standard_normal((count, 128)) @ self._spread
        rows: Rows = (self._mean + np.sqrt(1 - _MOVED**2) * chosen + _MOVED * moved).astype(np.float32)
        return rows

    def stored(self, total: int) -> Iterator[tuple[int, Rows]]:
        """Give what is stored, in parts, with the number of the first of each."""
        for first in range(0, total, _CHUNK):
            yield first, self.rows((7, first), min(_CHUNK, total - first))


def fill(where: str, draw: Distribution, stored: int, settings: UniqueSettings) -> None:
    """Write straight into the book: claiming a million would leave out the many that resemble each other."""
    open_ledger(settings, where).close()
    start = time.perf_counter()
    for first, rows in draw.stored(stored):
        lines = [(f"face {first + number}", packed(row)) for number, row in enumerate(rows)]
        _write_to_postgres(where, lines) if is_address(where) else _write_to_sqlite(where, lines)
    print(f"{stored} lines written in {time.perf_counter() - start:.0f} s")


def _write_to_sqlite(where: str, lines: list[tuple[str, bytes]]) -> None:
    with contextlib.closing(sqlite3.connect(where)) as base, base:
        base.executemany("INSERT INTO face (kind, name, holder, embedding) VALUES ('given', ?, '', ?)", lines)


def _write_to_postgres(where: str, lines: list[tuple[str, bytes]]) -> None:
    import psycopg

    with (
        psycopg.connect(where) as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY nobodies_face (kind, name, holder, embedding) FROM STDIN") as copy,
    ):
        for name, embedding in lines:
            copy.write_row(("given", name, "", embedding))


def ask(ledger: Ledger, draw: Distribution, count: int, stored: int, *, exact: bool) -> None:
    """Time checks and claims, and hold the answers against exact search."""
    fresh = draw.rows((8, 0), count)
    rng = np.random.default_rng(3)
    step = rng.standard_normal(fresh.shape).astype(np.float32)
    step *= _LOOK_ALIKE / np.linalg.norm(step, axis=1, keepdims=True)
    chosen = rng.integers(0, min(stored, _CHUNK), count)
    alike = draw.rows((7, 0), min(stored, _CHUNK))[chosen] + step
    for name, queries in (("fresh faces", fresh), ("look-alikes of stored ones", alike)):
        start, used = time.perf_counter(), time.process_time()
        answers = [ledger.resembled(row) is not None for row in queries]
        rate, used = count / (time.perf_counter() - start), time.process_time() - used
        print(f"{name}: {rate:.0f} checks/s ({1000 * used / count:.1f} ms of processor time each)", flush=True)
        if exact:
            resembled = np.zeros(count, bool)
            for _, rows in draw.stored(stored):
                resembled |= compare(queries, rows).nearest < ledger.distance
            missed = int((resembled & ~np.array(answers)).sum())
            print(f"    exact search finds {resembled.sum()} resembled, the ledger missed {missed}")
    others = draw.rows((9, time.time_ns() % 2**32), count)  # none that an earlier run has claimed
    start = time.perf_counter()
    refused = sum(ledger.claim(f"{start}-{number}", row, holder="") is not None for number, row in enumerate(others))
    rate = count / (time.perf_counter() - start)
    print(f"claims: {rate:.0f} a second; {count - refused} recorded, each made durable, {refused} refused")


def memory_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
