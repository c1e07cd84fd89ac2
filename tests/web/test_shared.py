"""What the servers of a site share: rates and keys in PostgreSQL, and the secret of passes."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nobodies.database import Database
from nobodies.errors import DependencyError, SettingError, UnreachableError
from nobodies.settings import WebSettings
from nobodies.web.keys import Keys, read_secret
from nobodies.web.serve import check_shared
from nobodies.web.shared import SharedKeys, SharedRate
from nobodies.web.site import Site
from tests.cli.conftest import Run, run
from tests.postgres import PostgresServer, database, missing, postgres, running_postgres
from tests.web.conftest import Open, wait_until

__all__ = ["database", "postgres", "run"]

Connect = Callable[[], Database]


@pytest.fixture
def connect(database: str) -> Iterator[Connect]:
    """Connect to one database as several servers do."""
    opened: list[Database] = []

    def connect_one() -> Database:
        opened.append(Database(database))
        return opened[-1]

    yield connect_one
    for each in opened:
        each.close()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("0123456789abcdef" * 4 + "\n")
    return path


def test_a_visitor_has_one_rate_on_all_servers(connect: Connect) -> None:
    rates = [SharedRate(connect(), 6) for _ in range(2)]
    waits = [rates[number % 2].wait_s("anna") for number in range(8)]
    assert waits[:6] == [0.0] * 6
    assert all(9 < wait_s <= 10 for wait_s in waits[6:])
    assert rates[0].wait_s("ben") == 0.0
    assert SharedRate(connect(), 0).wait_s("anna") == 0.0


def test_a_bucket_fills_again(connect: Connect) -> None:
    rate = SharedRate(connect(), 1200)  # one in 50 ms
    while rate.wait_s("anna") == 0.0:
        pass
    wait_until(lambda: rate.wait_s("anna") == 0.0)


def test_many_at_once_get_no_more_than_there_are(connect: Connect) -> None:
    rates = [SharedRate(connect(), 20) for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        waits = list(pool.map(lambda number: rates[number % 3].wait_s("anna"), range(60)))
    assert waits.count(0.0) == 20


def test_old_buckets_are_swept(connect: Connect, database: str, postgres: PostgresServer) -> None:
    now = [0.0]
    rate = SharedRate(connect(), 6000, clock=lambda: now[0])
    name = database.rpartition("/")[2]
    rate.wait_s("anna")
    postgres.run("UPDATE nobodies_rate SET free_at = now() - interval '1 hour'", name)
    now[0] = 100.0
    rate.wait_s("ben")
    assert postgres.run("SELECT visitor FROM nobodies_rate", name) == [("ben",)]


def test_while_the_database_is_down_each_server_counts_for_itself() -> None:
    pytest.importorskip("psycopg")
    rate = SharedRate(Database("postgresql://nobody@127.0.0.1:1/nowhere"), 6)
    waits = [rate.wait_s("anna") for _ in range(8)]
    assert [wait_s > 0 for wait_s in waits] == [False] * 6 + [True] * 2


def test_keys_are_added_and_removed_for_all_servers(connect: Connect, database: str, run: Run) -> None:
    code, key, _ = run("keys", "--shared", database, "--add", "anna's shop")
    assert code == 0
    now = [0.0]
    stores = [SharedKeys(connect(), clock=lambda: now[0]) for _ in range(2)]
    servers = [Keys(frozenset(), b"x" * 32, store=store) for store in stores]
    assert all(keys.needed and keys.fits(key.strip()) for keys in servers)
    assert not any(keys.fits(wrong) for keys in servers for wrong in ("", "x" * 16, key.strip() + "x"))
    _, listed, _ = run("keys", "--shared", database, "--list")
    assert "anna's shop" in listed
    assert key.strip() not in listed
    number = listed.split()[0]
    assert run("keys", "--shared", database, "--remove", number)[0] == 0
    now[0] = 31.0
    assert not any(keys.fits(key.strip()) for keys in servers)
    code, _, err = run("keys", "--shared", database, "--remove", number)
    assert (code, err.count("\n")) == (2, 1)


def test_a_key_that_was_good_is_good_through_a_short_outage_and_others_cannot_be_told(secret_file: Path) -> None:
    if (reason := missing()) is not None:
        pytest.skip(reason)
    now = [0.0]
    with running_postgres() as server, Database(server.address()) as base:
        store = SharedKeys(base, clock=lambda: now[0])
        keys = Keys(frozenset(), b"x" * 32, store=store)
        key = store.add("anna")
        assert keys.fits(key)
        server.stop()
        assert keys.fits(key)
        assert keys.fits(keys.new_pass()), "the site's own pages need no database"
        for offered in (key, "y" * 20):
            now[0] += 31
            with pytest.raises(UnreachableError):
                keys.fits(offered)
        server.start()
        wait_until(lambda: _fits(keys, key))


def _fits(keys: Keys, key: str) -> bool:
    try:
        return keys.fits(key)
    except UnreachableError:
        return False


def test_a_site_answers_503_where_a_key_cannot_be_checked(open_site: Open, secret_file: Path) -> None:
    pytest.importorskip("psycopg")
    nowhere = "postgresql://nobody:geheim@127.0.0.1:1/nowhere"
    client = open_site(shared=nowhere, shared_keys=True, secret_file=secret_file, rate_per_minute=600)
    answer = client.get("/api/v1/faces", headers={"Authorization": "Bearer 0123456789abcdef"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "geheim" not in answer.text
    assert client.get("/api/v1/faces").status_code == 401
    assert client.get("/face.jpeg").status_code == 200


def test_two_sites_share_secret_rate_and_keys(
    open_site: Open, connect: Connect, database: str, secret_file: Path
) -> None:
    first, second = (
        open_site(shared=database, shared_keys=True, secret_file=secret_file, rate_per_minute=20) for _ in range(2)
    )
    key = SharedKeys(connect()).add("anna")
    said = {"Authorization": f"Bearer {key}"}
    assert {each.get("/api/v1/faces", headers=said).status_code for each in (first, second)} == {200}
    assert _site(second).keys.fits(_site(first).keys.new_pass())
    statuses = [each.get("/api/v1/faces", headers=said).status_code for each in (first, second) * 11]
    assert (statuses.count(200), statuses.count(429)) == (18, 4)


def _site(client: TestClient) -> Site:
    site: Site = client.app.state.site  # type: ignore[attr-defined]
    return site


def test_a_server_of_its_own_has_a_secret_of_its_own(secret_file: Path, tmp_path: Path) -> None:
    assert read_secret(None) != read_secret(None)
    assert read_secret(secret_file) == read_secret(secret_file) == b"0123456789abcdef" * 4
    (tmp_path / "short").write_text("geheim")
    for path in (tmp_path / "short", tmp_path / "missing"):
        with pytest.raises(SettingError, match="openssl rand") as refused:
            read_secret(path)
        assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shared_keys": True}, "needs a database"),
        ({"shared": "postgresql://h/x"}, "secret"),
        ({"shared": "mysql://anna:geheim@h/x", "secret_file": Path("s")}, "cannot be read"),
        ({"ledger": "faces.db"}, "add --unique"),
        ({"ledger": "postgresql://anna:ge/heim@h/x", "unique": True}, "cannot be read"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(options: dict[str, object], said: str) -> None:
    pytest.importorskip("psycopg")
    settings = WebSettings(**options)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=said) as refused:
        check_shared(settings)
    assert "heim" not in str(refused.value) + repr(settings)


def test_without_the_driver_an_address_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DependencyError, match=r"nobodies\[postgres\]"):
        Database("postgresql://h/x")


def test_a_database_that_does_not_answer_is_asked_by_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    psycopg = pytest.importorskip("psycopg")
    base = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    asked, go_on = [], threading.Event()

    def slow(**_: object) -> None:
        asked.append(1)
        go_on.wait(5)
        raise psycopg.OperationalError("down")

    def ask(_: int) -> bool:
        try:
            with base.transaction():
                return True
        except UnreachableError:
            return False

    assert not ask(0)
    assert base.is_down
    wait_until(lambda: time.monotonic() > base._shut_until)
    monkeypatch.setattr(psycopg, "connect", slow)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, number) for number in range(8)]
        wait_until(lambda: sum(answer.done() for answer in answers) == 7)
        go_on.set()
        assert not any(answer.result() for answer in answers)
    assert len(asked) == 1
