import collections
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nobodies.errors import InputError, OutputError, ShapeError
from nobodies.uniqueness import ledger as rooms
from nobodies.uniqueness.ledger import Ledger, SqliteLedger
from nobodies.uniqueness.neighbours import Rows
from tests.uniqueness.test_neighbours import embeddings

pytest.importorskip("faiss")
DISTANCE = 0.4


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with SqliteLedger(tmp_path / "faces.db", distance=DISTANCE) as opened:
        yield opened


def near(row: Rows, distance: float) -> Rows:
    moved = row.copy()
    moved[0] += distance
    return moved


def test_it_is_a_ledger(ledger: SqliteLedger) -> None:
    kept: Ledger = ledger
    assert kept.resembled(embeddings(1)[0]) is None


def test_a_face_is_given_once(ledger: SqliteLedger) -> None:
    row = embeddings(1)[0]
    assert ledger.claim("a", row, holder="anna") is None
    match = ledger.claim("b", near(row, 0.39), holder="anna")
    assert match is not None
    assert (match.record.name, match.record.kind, match.record.holder) == ("a", "given", "anna")
    assert match.distance == pytest.approx(0.39, abs=1e-3)
    assert ledger.claim("c", near(row, 0.41), holder="anna") is None
    assert [record.name for record in ledger.records("given")] == ["a", "c"]


def test_the_same_face_goes_to_the_same_holder_again_and_to_no_other(ledger: SqliteLedger) -> None:
    row = embeddings(1)[0]
    assert ledger.claim("a", row, holder="anna") is None
    assert ledger.claim("a", row, holder="anna") is None
    assert ledger.claim("a", row, holder="ben") is not None
    assert len(list(ledger.records("given"))) == 1


def test_a_blocked_person_is_not_resembled_until_the_block_is_lifted(ledger: SqliteLedger) -> None:
    row = embeddings(1)[0]
    number = ledger.block(row, note="letter of 3 May")
    match = ledger.claim("a", near(row, 0.1), holder="anna")
    assert match is not None
    assert match.record.kind == "blocked"
    assert match.record.name == "letter of 3 May"
    assert ledger.unblock(number)
    assert not ledger.unblock(number)
    assert ledger.claim("a", near(row, 0.1), holder="anna") is None


def test_a_face_that_was_given_cannot_be_unblocked(ledger: SqliteLedger) -> None:
    ledger.claim("a", embeddings(1)[0], holder="")
    assert not ledger.unblock(1)


def test_a_restart_remembers(tmp_path: Path) -> None:
    rows = embeddings(30)
    for part in (rows[:20], rows[20:]):
        with SqliteLedger(tmp_path / "faces.db", distance=DISTANCE) as ledger:
            for row in part:
                assert ledger.claim(str(row[0]), row, holder="") is None
    with SqliteLedger(tmp_path / "faces.db", distance=DISTANCE) as ledger:
        assert all(ledger.resembled(row) for row in rows)
        assert len(list(ledger.records("given"))) == 30


def test_the_index_is_saved_and_used_and_made_anew_if_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "_UNSAVED_ROWS", 10)
    rows = embeddings(25)
    path = tmp_path / "faces.db"
    for part in (rows[:12], rows[12:]):
        with SqliteLedger(path, distance=DISTANCE) as ledger:
            for row in part:
                ledger.claim(str(row[0]), row, holder="")
    (saved,) = tmp_path.glob("*.index")
    assert int(saved.stem.removeprefix("faces-")) >= 20, "only the newest is kept"
    saved.write_bytes(saved.read_bytes()[:-9])
    with SqliteLedger(path, distance=DISTANCE) as ledger:
        assert all(ledger.resembled(row) for row in rows)


def test_an_index_of_another_ledger_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "_UNSAVED_ROWS", 1)
    path = tmp_path / "faces.db"
    with SqliteLedger(path, distance=DISTANCE) as ledger:
        for row in embeddings(5):
            ledger.claim(str(row[0]), row, holder="")
    path.unlink()
    other = embeddings(1, 77)[0]
    with SqliteLedger(path, distance=DISTANCE) as ledger:
        assert ledger.claim("a", other, holder="") is None
        assert ledger.resembled(other) is not None


def test_of_two_workers_only_one_gives_out_a_face(tmp_path: Path) -> None:
    path, rows = tmp_path / "faces.db", embeddings(40)
    ledgers = [SqliteLedger(path, distance=DISTANCE) for _ in range(4)]
    orders = [(worker, number) for number in range(40) for worker in range(4)]
    with ThreadPoolExecutor(8) as pool:
        claims = pool.map(
            lambda order: ledgers[order[0]].claim(f"{order}", rows[order[1]], holder=f"{order}"), orders
        )
        assert sum(claim is None for claim in claims) == 40
    for each in ledgers:
        each.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
def test_a_face_given_is_a_face_recorded_whenever_the_process_is_killed(tmp_path: Path) -> None:
    worker = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from nobodies.uniqueness.ledger import SqliteLedger\n"
        "from tests.uniqueness.test_neighbours import embeddings\n"
        "ledger = SqliteLedger(Path(sys.argv[1]), distance=0.4)\n"
        "for number, row in enumerate(embeddings(5000)):\n"
        "    assert ledger.claim(str(number), row, holder='') is None\n"
        "    print(number, flush=True)\n"
    )
    path = tmp_path / "faces.db"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for stop_after in (1, 40):
        path.unlink(missing_ok=True)
        with subprocess.Popen(
            [sys.executable, "-c", worker, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            given = [process.stdout.readline().strip() for _ in range(stop_after)]
            process.kill()
            given += process.stdout.read().split()
        with SqliteLedger(path, distance=DISTANCE) as ledger:
            recorded = [record.name for record in ledger.records("given")]
            assert recorded[: len(given)] == given
            assert len(recorded) - len(given) <= 1


def test_a_full_disk_gives_out_nothing(ledger: SqliteLedger) -> None:
    row = embeddings(1)[0]
    ledger._base.execute("PRAGMA max_page_count = 1")
    rows = embeddings(2000, 3)
    with pytest.raises(OutputError, match="cannot use the ledger"):
        collections.deque(ledger.claim(str(number), each, holder="") for number, each in enumerate(rows))
    ledger._base.execute("PRAGMA max_page_count = 100000")
    names = [record.name for record in ledger.records("given")]
    assert names == [str(number) for number in range(len(names))], "none is missing, none is half there"
    assert ledger.claim("after", near(row, 5), holder="") is None


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "faces.db"
    path.write_text("this is not a database, " * 100)
    with pytest.raises(InputError, match="is not a ledger"):
        SqliteLedger(path, distance=DISTANCE)


@pytest.mark.parametrize("row", [np.zeros(64, np.float32), np.full(128, np.nan, np.float32)])
def test_what_is_no_embedding_is_refused(ledger: SqliteLedger, row: Rows) -> None:
    with pytest.raises(ShapeError):
        ledger.claim("a", row, holder="")


def test_embeddings_are_the_only_thing_kept_of_a_face(tmp_path: Path, ledger: SqliteLedger) -> None:
    ledger.block(embeddings(1)[0], note="x")
    columns = {each[1]: each[2] for each in sqlite3.connect(ledger.path).execute("PRAGMA table_info(face)")}
    assert {name for name, kind in columns.items() if kind == "BLOB"} == {"embedding"}
