"""What a ledger promises, whatever keeps its book. The tests of PostgreSQL are skipped where it is not installed."""

import collections
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nobodies.errors import InputError, NobodiesError, OutputError, SettingError, ShapeError, UnreachableError
from nobodies.settings import UniqueSettings
from nobodies.uniqueness import ledger as rooms
from nobodies.uniqueness.ledger import Ledger, open_ledger
from nobodies.uniqueness.neighbours import Rows
from nobodies.uniqueness.sqlite_book import SqliteBook
from tests.postgres import PASSWORD, USER, PostgresServer, database, missing, postgres, running_postgres
from tests.uniqueness.test_neighbours import embeddings

__all__ = ["database", "postgres"]

DISTANCE = 0.4
SETTINGS = UniqueSettings(distance=DISTANCE)
Open = Callable[[], Ledger]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger may be: what is given as --ledger."""
    if request.param == "sqlite":
        return str(tmp_path / "faces.db")
    address: str = request.getfixturevalue("database")
    return address


@pytest.fixture
def open_it(place: str) -> Iterator[Open]:
    """Open the same ledger once more, as another worker or server does."""
    opened: list[Ledger] = []

    def open_one() -> Ledger:
        opened.append(open_ledger(SETTINGS, place))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_it: Open) -> Ledger:
    return open_it()


def near(row: Rows, distance: float) -> Rows:
    moved = row.copy()
    moved[0] += distance
    return moved


def names(ledger: Ledger) -> list[str]:
    return [record.name for record in ledger.records("given")]


def test_a_face_is_given_once(ledger: Ledger) -> None:
    row = embeddings(1)[0]
    assert ledger.resembled(row) is None
    assert ledger.claim("a", row, holder="anna") is None
    match = ledger.claim("b", near(row, 0.39), holder="anna")
    assert match is not None
    assert (match.record.name, match.record.kind, match.record.holder) == ("a", "given", "anna")
    assert match.distance == pytest.approx(0.39, abs=1e-3)
    assert ledger.claim("c", near(row, 0.41), holder="anna") is None
    assert names(ledger) == ["a", "c"]
    assert all(record.recorded_at.endswith("Z") for record in ledger.records("given"))


def test_the_nearest_is_named(ledger: Ledger) -> None:
    row = embeddings(1)[0]
    for name, distance in (("far", 0.39), ("nearest", -0.02), ("nearer", 0.7)):
        ledger.block(near(row, distance), note=name)
    match = ledger.resembled(row)
    assert match is not None
    assert match.record.name == "nearest"


def test_the_same_face_goes_to_the_same_holder_again_and_to_no_other(ledger: Ledger) -> None:
    row = embeddings(1)[0]
    assert ledger.claim("a", row, holder="anna") is None
    assert ledger.claim("a", row, holder="anna") is None
    assert ledger.claim("a", row, holder="ben") is not None
    assert names(ledger) == ["a"]


def test_a_blocked_person_is_not_resembled_until_the_block_is_lifted(ledger: Ledger, open_it: Open) -> None:
    row, elsewhere = embeddings(1)[0], open_it()
    number = ledger.block(row, note="letter of 3 May")
    match = elsewhere.claim("a", near(row, 0.1), holder="anna")
    assert match is not None
    assert match.record.kind == "blocked"
    assert match.record.name == "letter of 3 May"
    assert elsewhere.seems_resembled(near(row, 0.1))
    assert ledger.unblock(number)
    assert not ledger.unblock(number)
    assert elsewhere.claim("a", near(row, 0.1), holder="anna") is None


def test_a_face_that_was_given_cannot_be_unblocked(ledger: Ledger) -> None:
    ledger.claim("a", embeddings(1)[0], holder="")
    (record,) = ledger.records("given")
    assert not ledger.unblock(record.id)


def test_a_restart_remembers(open_it: Open) -> None:
    rows = embeddings(30)
    for part in (rows[:20], rows[20:]):
        ledger = open_it()
        for row in part:
            assert ledger.claim(str(row[0]), row, holder="") is None
    ledger = open_it()
    assert len(ledger) == 30
    assert all(ledger.resembled(row) for row in rows)


def test_what_others_have_recorded_is_known(ledger: Ledger, open_it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "_ROWS_AT_ONCE", 7)
    rows, other = embeddings(40), open_it()
    for number, row in enumerate(rows):
        assert (ledger, other)[number % 2].claim(str(number), row, holder="") is None
    for each in (ledger, other):
        assert all(each.resembled(row) for row in rows)


def test_of_several_workers_only_one_gives_out_a_face(open_it: Open) -> None:
    rows, ledgers = embeddings(40), [open_it() for _ in range(4)]
    orders = [(worker, number) for number in range(40) for worker in range(4)]

    def claim(order: tuple[int, int]) -> bool:
        worker, number = order
        looks_alike = near(rows[number], 0.05 * worker)
        return ledgers[worker].claim(f"{order}", looks_alike, holder=f"{order}") is None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, orders)) == 40
    assert len(names(ledgers[0])) == 40


WORKER = """
import sys
from nobodies.settings import UniqueSettings
from nobodies.uniqueness.ledger import open_ledger
from tests.uniqueness.test_neighbours import embeddings
ledger = open_ledger(UniqueSettings(distance=0.4), sys.argv[1])
for number, row in enumerate(embeddings(5000)):
    assert ledger.claim(str(number), row, holder='') is None
    print(number, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
@pytest.mark.parametrize("stop_after", [1, 40])
def test_a_face_given_is_a_face_recorded_whenever_the_process_is_killed(
    place: str, open_it: Open, stop_after: int
) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, place], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        given = [process.stdout.readline().strip() for _ in range(stop_after)]
        process.kill()
        given += process.stdout.read().split()
    recorded = names(open_it())
    assert recorded[: len(given)] == given
    assert len(recorded) - len(given) <= 1


@pytest.mark.parametrize("row", [np.zeros(64, np.float32), np.full(128, np.nan, np.float32)])
def test_what_is_no_embedding_is_refused(ledger: Ledger, row: Rows) -> None:
    with pytest.raises(ShapeError):
        ledger.claim("a", row, holder="")
    with pytest.raises(ShapeError):
        ledger.resembled(row)


def test_a_full_disk_gives_out_nothing(tmp_path: Path) -> None:
    book = SqliteBook(tmp_path / "faces.db")
    with Ledger(book, distance=DISTANCE) as ledger:
        book._base.execute("PRAGMA max_page_count = 1")
        rows = embeddings(2000, 3)
        with pytest.raises(OutputError, match="cannot use the ledger"):
            collections.deque(ledger.claim(str(number), each, holder="") for number, each in enumerate(rows))
        book._base.execute("PRAGMA max_page_count = 100000")
        recorded = names(ledger)
        assert recorded == [str(number) for number in range(len(recorded))], "none is missing, none is half there"
        assert ledger.claim("after", near(rows[0], 5), holder="") is None


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "faces.db"
    path.write_text("this is not a database, " * 100)
    with pytest.raises(InputError, match="is not a ledger"):
        open_ledger(SETTINGS, path)


def test_embeddings_are_the_only_thing_kept_of_a_face(tmp_path: Path) -> None:
    with open_ledger(SETTINGS, tmp_path / "faces.db") as ledger:
        ledger.block(embeddings(1)[0], note="x")
    columns = {each[1]: each[2] for each in sqlite3.connect(tmp_path / "faces.db").execute("PRAGMA table_info(face)")}
    assert {name for name, kind in columns.items() if kind == "BLOB"} == {"embedding"}


def test_a_database_that_was_stopped_is_found_again() -> None:
    if (reason := missing()) is not None:
        pytest.skip(reason)
    rows = embeddings(3)
    with running_postgres() as server, open_ledger(SETTINGS, server.address()) as ledger:
        assert ledger.claim("a", rows[0], holder="") is None
        for how in ("fast", "immediate"):
            server.stop(how=how)
            with pytest.raises(UnreachableError, match="cannot use the database"):
                ledger.claim("b", rows[1], holder="")
            with pytest.raises(UnreachableError, match="does not answer") as quick:
                ledger.claim("b", rows[1], holder="")
            assert quick.value.retry_after_s >= 1
            assert ledger.seems_resembled(rows[0])
            assert not ledger.seems_resembled(rows[1])
            server.start()
            _until_it_answers(lambda: ledger.resembled(rows[0]))
        assert ledger.claim("b", rows[1], holder="") is None
        assert names(ledger) == ["a", "b"]


def test_a_restarted_database_costs_no_claim(postgres: PostgresServer, database: str) -> None:
    rows = embeddings(2)
    with open_ledger(SETTINGS, database) as ledger:
        assert ledger.claim("a", rows[0], holder="") is None
        postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nobodies'")
        assert ledger.claim("b", rows[1], holder="") is None


def test_an_older_state_of_the_database_is_noticed(postgres: PostgresServer, database: str) -> None:
    """As after a copy was put back, or a replica took over that had not heard of the last lines."""
    rows, name = embeddings(4), database.rpartition("/")[2]
    with open_ledger(SETTINGS, database) as ledger:
        for number in range(3):
            assert ledger.claim(str(number), rows[number], holder="") is None
        postgres.run("DELETE FROM nobodies_face WHERE id > 1", name)
        postgres.run("ALTER TABLE nobodies_face ALTER COLUMN id RESTART WITH 2", name)
        with open_ledger(SETTINGS, database) as other:
            assert other.claim("after", rows[3], holder="") is None
        postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nobodies'")
        match = ledger.claim("late", near(rows[3], 0.1), holder="")
        assert match is not None
        assert match.record.name == "after"
        assert ledger.claim("1 again", rows[1], holder="") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda server: server.address(password="wrong/one"), "refuses this user or password"),
        (lambda server: server.address("nowhere"), "no database of that name"),
        (lambda server: server.address().replace(str(server.port), "1"), "does not answer"),
    ],
)
def test_what_is_wrong_with_a_database_is_said_without_credentials(
    postgres: PostgresServer,
    change: Callable[[PostgresServer], str],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(UnreachableError, match=said) as refused:
        open_ledger(SETTINGS, change(postgres))
    for text in (str(refused.value), caplog.text, repr(refused.value.__cause__)):
        assert PASSWORD not in text
        assert "wrong/one" not in text
        assert USER not in text.replace("database 127.0.0.1", "").replace("nobodies.", "")


@pytest.mark.parametrize(
    "address", [f"postgresql://{USER}:{PASSWORD}@host:port/x", "postgresql://u:pa%ss@host/x", "postgres://%zz"]
)
def test_an_address_that_cannot_be_read_is_not_repeated(address: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(SettingError, match="cannot be read") as refused:
        open_ledger(SETTINGS, address)
    assert "pa" not in str(refused.value).replace("characters", "").replace("database", "")


def _until_it_answers(ask: Callable[[], object]) -> None:
    ends = time.monotonic() + 10
    while True:
        try:
            ask()
        except NobodiesError:
            assert time.monotonic() < ends, "it was not found again"
            time.sleep(0.05)
        else:
            return
