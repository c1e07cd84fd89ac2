"""Faces that go to one visitor only: against the ledger of a file, and while it does not answer."""

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.testclient import TestClient

from nobodies.errors import UnreachableError
from nobodies.settings import UniqueSettings
from nobodies.uniqueness.ledger import Ledger, Match, Page, open_ledger
from nobodies.uniqueness.neighbours import Rows
from nobodies.uniqueness.sqlite_book import SqliteBook
from tests.uniqueness.conftest import fingerprint_embedding
from tests.web.conftest import Open, wait_until


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Rows]:
    """Tell faces apart without a net; what was looked at."""
    looks: list[Rows] = []

    def look(pixels: NDArray[np.uint8]) -> Rows | None:
        embedding = fingerprint_embedding(pixels)
        if embedding is not None:
            looks.append(embedding)
        return embedding

    monkeypatch.setattr("nobodies.web.exclusive.embedding_of", look)
    return looks


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "faces.db"


def recorded(place: Path) -> list[str]:
    with open_ledger(UniqueSettings(), place) as ledger:
        return [record.name for record in ledger.records("given")]


def opened(open_site: Open, place: Path, **options: object) -> TestClient:
    client = open_site(unique=True, ledger=str(place), **options)
    wait_until(lambda: "nobodies_ledger_answers 1.0" in client.get("/metrics").text)
    return client


def test_what_is_given_is_recorded_and_nothing_else(open_site: Open, place: Path) -> None:
    client = opened(open_site, place, pool_faces=4)
    wait_until(lambda: "nobodies_pool_faces 4.0" in client.get("/metrics").text)
    assert recorded(place) == [], "faces that are only ready are nobody's yet"
    answers = [client.get("/face.jpeg"), client.get("/face.png?size=16&exclusive=true"), client.get("/face/7.jpeg")]
    assert [answer.headers.get("nobodies-exclusive") for answer in answers] == ["?1", "?1", None]
    listed = client.get("/api/v1/faces?count=3&exclusive=true").json()["faces"]
    assert [face["exclusive"] for face in listed] == [True] * 3
    assert len(set(recorded(place))) == 5, "a permanent address is for everybody"


@pytest.mark.parametrize(("language", "said"), [("en", "gives no new face"), ("fr", "ne donne aucun nouveau visage")])
def test_the_site_says_what_it_promises_where_it_does(open_site: Open, place: Path, language: str, said: str) -> None:
    assert said in opened(open_site, place).get(f"/how?lang={language}").text
    assert said not in open_site().get(f"/how?lang={language}").text


def test_an_archive_of_exclusive_faces(open_site: Open, place: Path) -> None:
    client = opened(open_site, place, pool_faces=0)
    answer = client.post("/api/v1/batch", json={"count": 3, "exclusive": True, "size": 16})
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
    assert [line["exclusive"] for line in lines] == [True] * 3
    assert len(recorded(place)) == 3


def test_a_face_that_resembles_a_blocked_person_is_replaced_by_another(
    open_site: Open, place: Path, seen: list[Rows]
) -> None:
    client = opened(open_site, place, pool_faces=2)
    wait_until(lambda: len(seen) == 2)
    with open_ledger(UniqueSettings(), place) as ledger:
        for look in seen[:2]:  # both faces that are ready
            ledger.block(look, note="a letter")
    answer = client.get("/face.jpeg")
    assert (answer.status_code, answer.headers["nobodies-exclusive"]) == (200, "?1")
    assert 'nobodies_refused_faces_total{reason="likeness"} 2.0' in client.get("/metrics").text


def test_when_every_face_resembles_another_the_answer_is_503(
    open_site: Open, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobodies.web.exclusive.embedding_of", lambda _: np.full(128, 0.1, np.float32))
    client = opened(open_site, place, pool_faces=0)
    assert client.get("/face.jpeg").status_code == 200
    for query in ("", "?exclusive=true"):
        answer = client.get(f"/face.jpeg{query}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "resembles one given before" in answer.json()["detail"]


def test_a_picture_without_a_face_is_not_given(open_site: Open, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nobodies.web.exclusive.embedding_of", lambda _: None)
    client = opened(open_site, place, pool_faces=0)
    assert client.get("/face.jpeg").status_code == 503


@pytest.mark.parametrize("path", ["/face.jpeg?exclusive=true&u=anna", "/api/v1/faces?exclusive=true&from_seed=3"])
def test_what_is_for_everybody_cannot_be_exclusive(open_site: Open, place: Path, path: str) -> None:
    client = opened(open_site, place)
    assert client.get(path).status_code == 422
    order = {"seeds": ["1"], "exclusive": True}
    assert client.post("/api/v1/batch", json=order).status_code == 422


@pytest.mark.parametrize("path", ["/face.jpeg?exclusive=true", "/api/v1/faces?exclusive=true"])
def test_a_site_without_a_ledger_says_so(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert "keeps no ledger" in answer.json()["detail"]
    assert client.post("/api/v1/batch", json={"count": 1, "exclusive": True}).status_code == 422
    assert "nobodies-exclusive" not in client.get("/face.jpeg").headers


@pytest.fixture
def is_read(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Ledgers open only once this is set."""
    is_read = threading.Event()

    def open_slowly(settings: UniqueSettings, where: str) -> Ledger:
        is_read.wait(10)
        return open_ledger(settings, where)

    monkeypatch.setattr("nobodies.web.site.open_ledger", open_slowly)
    return is_read


def test_a_site_is_not_ready_before_it_has_read_its_ledger(
    make_app: Callable[..., FastAPI], place: Path, is_read: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestClient(make_app(unique=True, ledger=str(place))) as client:
        wait_until(lambda: client.get("/face/1.jpeg").status_code == 200)
        assert "ledger" in client.get("/readyz").json()["detail"]
        monkeypatch.setattr("nobodies.web.exclusive._PATIENCE_S", 0.01)
        threading.Timer(0.2, is_read.set).start()
        assert client.get("/face.jpeg").headers["nobodies-exclusive"] == "?1", "who comes too early waits for it"
        wait_until(lambda: client.get("/readyz").status_code == 200)


def test_a_server_may_take_no_connection_before_it_has_read_its_ledger(
    make_app: Callable[..., FastAPI], place: Path, is_read: threading.Event
) -> None:
    threading.Timer(0.3, is_read.set).start()
    with TestClient(make_app(unique=True, ledger=str(place), listen_late=True)) as client:
        assert is_read.is_set(), "the start ends after the reading"
        assert client.get("/readyz").status_code == 200
        assert client.get("/face.jpeg").headers["nobodies-exclusive"] == "?1"


class Faulty(Ledger):
    """Breaks and hangs when it is told to, as a database that is down or out of reach does."""

    is_down = False
    hangs: threading.Event | None = None

    def claim(self, name: str, embedding: Rows, *, holder: str) -> Match | None:
        self._trouble()
        return super().claim(name, embedding, holder=holder)

    def _catch_up(self, page: Page) -> bool:
        self._trouble()
        return super()._catch_up(page)

    def _trouble(self) -> None:
        if self.hangs is not None:
            self.hangs.wait(20)
        if self.is_down:
            raise UnreachableError("cannot use the database db.example.org:5432/nobodies", retry_after_s=2)


@pytest.fixture
def faulty(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    ledger = Faulty(SqliteBook(place), distance=0.3)
    monkeypatch.setattr("nobodies.web.site.open_ledger", lambda *_: ledger)
    yield ledger
    ledger.close()


def test_while_the_ledger_is_down_others_are_served_and_who_insists_is_told(
    open_site: Open, place: Path, faulty: Faulty
) -> None:
    client = opened(open_site, place, pool_faces=3)
    faulty.is_down = True
    for path in ("/face.jpeg", "/face.jpeg?size=16"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["nobodies-exclusive"]) == (200, "?0")
    assert client.get("/").status_code == client.get("/choose").status_code == 200
    refused = [
        client.get("/face.jpeg?exclusive=true"),
        client.get("/face.png?exclusive=true&size=16"),
        client.get("/api/v1/faces?exclusive=true"),
        client.post("/api/v1/batch", json={"count": 2, "exclusive": True}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.json()["detail"] == "the ledger of faces does not answer now", "and not where it is"
    assert recorded(place) == []
    faulty.is_down = False
    answer = client.get("/face.jpeg?exclusive=true")
    assert (answer.status_code, answer.headers["nobodies-exclusive"]) == (200, "?1")


def test_blocked_people_stay_blocked_while_the_ledger_is_down(
    open_site: Open, place: Path, faulty: Faulty, seen: list[Rows]
) -> None:
    client = opened(open_site, place, pool_faces=1)
    wait_until(lambda: len(seen) == 1)
    faulty.block(seen[0], note="")
    faulty.is_down = True
    assert client.get("/face.jpeg").headers["nobodies-exclusive"] == "?0"
    assert 'nobodies_refused_faces_total{reason="likeness"} 1.0' in client.get("/metrics").text


def test_a_ledger_that_hangs_holds_up_visitors_for_a_moment_only(
    open_site: Open, place: Path, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobodies.web.exclusive._PATIENCE_S", 0.1)
    client = opened(open_site, place, pool_faces=3, wait_s=0.5)
    faulty.hangs = threading.Event()
    try:
        assert client.get("/face.jpeg").headers["nobodies-exclusive"] == "?0"
        assert client.get("/face/5.jpeg").status_code == 200
        answer = client.get("/face.jpeg?exclusive=true")
        assert answer.status_code == 503
    finally:
        faulty.hangs.set()


def test_a_site_starts_without_its_ledger_and_finds_it_later(
    open_site: Open, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobodies.web.exclusive._RETRY_S", 0.05)
    is_up = threading.Event()

    def open_late(settings: UniqueSettings, where: str) -> Ledger:
        if not is_up.is_set():
            raise UnreachableError("cannot use the database", retry_after_s=2)
        return open_ledger(settings, where)

    monkeypatch.setattr("nobodies.web.site.open_ledger", open_late)
    client = open_site(unique=True, ledger=str(place))
    assert client.get("/readyz").status_code == 200, "it has tried"
    assert client.get("/face.jpeg").headers["nobodies-exclusive"] == "?0"
    is_up.set()
    wait_until(lambda: "nobodies_ledger_answers 1.0" in client.get("/metrics").text)
    assert client.get("/face.jpeg").headers["nobodies-exclusive"] == "?1"
