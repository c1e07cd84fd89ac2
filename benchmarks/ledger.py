"""How fast a ledger of many faces answers, and how often its approximate index misses what exact search finds.

    python benchmarks/ledger.py --stored 1000000 [--like COLLECTION]

Embeddings are drawn from a normal distribution with the mean and covariance of real ones (a folder that
'nobodies audit' keeps), or an even one on a sphere without. Prints figures; asserts nothing.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nobodies.uniqueness.ledger import SqliteLedger
from nobodies.uniqueness.neighbours import Rows, compare

_CHUNK = 50_000
_LOOK_ALIKE = 0.15


def main() -> None:
    """Fill a ledger, then ask it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--distance", type=float, default=0.307)
    parser.add_argument("--like", type=Path, help="a collection of embeddings")
    parser.add_argument("--folder", type=Path, help="keep the ledger here, and use it again")
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    draw = Distribution(arguments.like)
    with tempfile.TemporaryDirectory() as temporary:
        path = (arguments.folder or Path(temporary)) / "faces.db"
        if not path.exists():
            fill(path, draw, arguments.stored, arguments.distance)
        start = time.perf_counter()
        with SqliteLedger(path, distance=arguments.distance) as ledger:
            print(f"opened in {time.perf_counter() - start:.1f} s; index of {len(ledger._index)}")
            ask(ledger, draw.rows(rng, arguments.queries), path)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


class Distribution:
    """Embeddings that lie like real ones."""

    def __init__(self, folder: Path | None) -> None:
        """Take mean and covariance from a collection."""
        self._mean, self._spread = np.zeros(128), np.eye(128) / np.sqrt(128)
        if folder:
            rows = np.concatenate([np.load(path) for path in sorted(folder.glob("part-*.npy"))])
            rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
            self._mean, self._spread = rows.mean(axis=0), np.linalg.cholesky(np.cov(rows.T) + 1e-9 * np.eye(128))

    def rows(self, rng: np.random.Generator, count: int) -> Rows:
        """Draw embeddings, [count, 128]."""
        rows: Rows = (self._mean + rng.standard_normal((count, 128)) @ self._spread.T).astype(np.float32)
        return rows


def fill(path: Path, draw: Distribution, stored: int, distance: float) -> None:
    """Write rows straight into the file: claiming a million would leave out the many that resemble each other."""
    SqliteLedger(path, distance=distance).close()
    import sqlite3

    base = sqlite3.connect(path)
    for first in range(0, stored, _CHUNK):
        rows = draw.rows(np.random.default_rng([7, first]), min(_CHUNK, stored - first))
        values = [(f"face {first + number}", row.tobytes()) for number, row in enumerate(rows)]
        with base:
            base.executemany("INSERT INTO face (kind, name, holder, embedding) VALUES ('given', ?, '', ?)", values)
    base.close()
    start = time.perf_counter()
    with SqliteLedger(path, distance=distance):
        print(f"index of {stored} built in {time.perf_counter() - start:.0f} s")


def ask(ledger: SqliteLedger, fresh: Rows, path: Path) -> None:
    """Time checks and claims, and hold the answers against exact search."""
    stored = everything(path)
    rng = np.random.default_rng(3)
    step = rng.standard_normal(fresh.shape).astype(np.float32)
    step *= _LOOK_ALIKE / np.linalg.norm(step, axis=1, keepdims=True)
    alike = stored[rng.integers(0, len(stored), len(fresh))] + step
    for name, queries in (("fresh faces", fresh), ("look-alikes of stored ones", alike)):
        start = time.perf_counter()
        answers = [ledger.resembled(row) for row in queries]
        rate = len(queries) / (time.perf_counter() - start)
        exact = compare(queries, stored).nearest < ledger.distance
        missed = sum(answer is None for answer, resembles in zip(answers, exact, strict=True) if resembles)
        print(f"{name}: {rate:.0f} checks/s; exact search finds {exact.sum()} resembled, the ledger missed {missed}")
    start = time.perf_counter()
    refused = sum(ledger.claim(f"{start}-{number}", row, holder="") is not None for number, row in enumerate(fresh))
    rate = len(fresh) / (time.perf_counter() - start)
    print(f"claims: {rate:.0f} a second, each made durable; {refused} of {len(fresh)} refused")


def everything(path: Path) -> NDArray[np.float32]:
    """Read all stored embeddings, [N, 128]."""
    import sqlite3

    base = sqlite3.connect(path)
    blobs = b"".join(blob for (blob,) in base.execute("SELECT embedding FROM face ORDER BY id"))
    return np.frombuffer(blobs, "<f4").reshape(-1, 128)


if __name__ == "__main__":
    main()
