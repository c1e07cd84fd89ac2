import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from nobodies.errors import SearchError, SettingError
from nobodies.inspection import inspect_pixels
from nobodies.web.features import Features, Slider, WishGroup
from tests.web.conftest import Open, wait_until


def _jpeg(side: int = 40, **options: object) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((side, side)).convert("RGB").save(file, "JPEG", **options)
    return file.getvalue()


def test_new_faces_are_listed_with_their_addresses(client: TestClient) -> None:
    body = client.get("/api/v1/faces?count=20").json()
    assert len({face["seed"] for face in body["faces"]}) == 20
    face = body["faces"][0]
    assert face["picture"] == f"/face/{face['seed']}.jpeg"
    assert client.get(face["picture"]).status_code == client.get(face["page"]).status_code == 200
    assert "next" not in body


def test_a_list_of_seeds_goes_on_and_ends(client: TestClient) -> None:
    body = client.get("/api/v1/faces?count=3&from_seed=7").json()
    assert [face["seed"] for face in body["faces"]] == ["7", "8", "9"]
    assert [face["seed"] for face in client.get(body["next"]).json()["faces"]] == ["10", "11", "12"]
    last = client.get(f"/api/v1/faces?count=5&from_seed={2**64 - 2}").json()
    assert [face["seed"] for face in last["faces"]] == [str(2**64 - 2), str(2**64 - 1)]
    assert "next" not in last


class ParityModel:
    """An attribute model for tests: a face is even or odd, and can be made brighter."""

    sliders: Sequence[Slider] = (Slider("brightness", -2, 2, 0.5),)

    ages: tuple[int, int] = (20, 90)
    wishes: Sequence[WishGroup] = (WishGroup("woman", ("even", "odd")),)

    def may_be_shown(self, seeds: Sequence[int]) -> NDArray[np.bool_]:
        return np.array([seed % 2 == 1 for seed in seeds])

    def predict(self, seed: int) -> Mapping[str, float]:
        return {"parity": seed % 2}

    def choose(self, wishes: str, from_seed: int, *, balanced: bool = False) -> Iterator[int]:
        if balanced:
            yield from range(from_seed, from_seed + 1000, 10)
        if wishes not in ("even", "odd"):
            raise SettingError(f"wish '{wishes}' is not known: even, odd")
        yield from (seed for seed in range(from_seed, from_seed + 1000) if seed % 2 == (wishes == "odd"))
        raise SearchError("no more of them: ask for less")

    def edit(self, ws: NDArray[np.float32], edits: Mapping[str, float]) -> NDArray[np.float32]:
        if set(edits) != {"brightness"}:
            raise SettingError("that attribute is not known: brightness")
        return ws + np.float32(edits["brightness"])


@pytest.fixture
def wishing_client(open_site: Open, features: Features, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    client = open_site()
    client.get("/face.jpeg")
    site = client.app.state.site  # type: ignore[attr-defined]
    with_model = replace(features, attributes=ParityModel())
    monkeypatch.setattr(site, "features", with_model)
    monkeypatch.setattr(site.pictures, "_features", with_model)
    return client


def test_wishes_choose_and_attributes_are_told(wishing_client: TestClient) -> None:
    body = wishing_client.get("/api/v1/faces?count=3&where=odd&from_seed=10").json()
    assert [face["seed"] for face in body["faces"]] == ["11", "13", "15"]
    assert body["faces"][0]["attributes"] == {"parity": 1}
    assert [face["seed"] for face in wishing_client.get(body["next"]).json()["faces"]] == ["17", "19", "21"]
    assert "not known" in wishing_client.get("/api/v1/faces?where=blue").json()["detail"]


def test_a_balanced_list_goes_on_balanced(wishing_client: TestClient) -> None:
    body = wishing_client.get("/api/v1/faces?count=2&balanced=true&from_seed=10").json()
    assert [face["seed"] for face in body["faces"]] == ["10", "20"]
    assert [face["seed"] for face in wishing_client.get(body["next"]).json()["faces"]] == ["21", "31"]


def test_balance_needs_an_attribute_model(open_site: Open) -> None:
    answer = open_site().get("/api/v1/faces?balanced=true")
    assert answer.status_code == 422
    assert "no attribute model" in answer.json()["detail"]


def test_edits_change_the_picture(wishing_client: TestClient) -> None:
    plain, edited = (wishing_client.get(f"/face/1.png{query}") for query in ("", "?edit=brightness:1"))
    assert plain.content != edited.content
    assert wishing_client.get("/face/1.png?edit=brightness:0").content == plain.content
    assert wishing_client.get("/face/1.png?edit=colour:1").status_code == 422


def test_where_needs_an_attribute_model(client: TestClient) -> None:
    answer = client.get("/api/v1/faces?where=woman")
    assert answer.status_code == 422
    assert "no attribute model" in answer.json()["detail"]


def test_an_archive_holds_what_was_ordered(client: TestClient) -> None:
    order = {"seeds": ["3", "1", "3", "2"], "format": "webp", "size": 16, "shape": "circle"}
    answer = client.post("/api/v1/batch", json=order)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["nobody-3-16.webp", "nobody-1-16.webp", "nobody-2-16.webp", "manifest.jsonl"]
        lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
        assert archive.read(names[0]) == client.get(lines[0]["address"]).content
    assert [line["seed"] for line in lines] == ["3", "1", "2"]


def test_an_archive_of_new_faces(client: TestClient) -> None:
    answer = client.post("/api/v1/batch", json={"count": 3})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert len(set(archive.namelist())) == 4


@pytest.mark.parametrize(
    ("order", "hint"),
    [
        ({}, "either seeds or count"),
        ({"seeds": ["1"], "count": 1}, "either seeds or count"),
        ({"count": 6}, "up to 5 pictures, 6 were asked for"),
        ({"seeds": []}, "at least 1"),
        ({"seeds": ["x"]}, "match pattern"),
        ({"seeds": [str(2**64)]}, "out of range"),
        ({"count": 1, "format": "bmp"}, "'jpeg'"),
        ({"count": 1, "size": 64}, "up to 32 px"),
        ({"count": 1, "shape": "circle"}, "png, webp or avif"),
        ({"count": 1, "colour": "red"}, "colour is not known here"),
    ],
)
def test_a_wrong_order_is_refused_before_the_archive_begins(open_site: Open, order: object, hint: str) -> None:
    answer = open_site(batch_limit=5).post("/api/v1/batch", json=order)
    assert answer.status_code == 422
    assert hint in answer.json()["detail"]


def test_there_are_so_many_archives_at_once(open_site: Open) -> None:
    answer = open_site(archives=0).post("/api/v1/batch", json={"count": 1})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


def test_faces_are_found_in_a_picture(client: TestClient) -> None:
    body = client.post("/api/v1/detect", content=_jpeg()).json()
    assert (body["width"], body["height"]) == (40, 40)
    assert body["faces"][0]["box"] == [10, 10, 30, 30]
    assert client.post("/api/v1/detect?min_score=0.95", content=_jpeg()).json()["faces"] == []


@pytest.mark.parametrize("route", ["detect", "check"])
@pytest.mark.parametrize(
    ("content", "hint"),
    [(b"", "empty"), (b"GIF89a", "not a picture"), (_jpeg()[:200], "damaged"), (_jpeg(800), "megapixels")],
)
def test_what_is_no_picture_is_refused(open_site: Open, route: str, content: bytes, hint: str) -> None:
    answer = open_site(upload_megapixels=0.5).post(f"/api/v1/{route}", content=content)
    assert answer.status_code == 422
    assert hint in answer.json()["detail"]


@pytest.mark.parametrize("declared", [True, False])
def test_bodies_are_bounded_whatever_they_declare(open_site: Open, declared: bool) -> None:
    body = b"x" * 150_000
    answer = open_site(upload_mb=0.1).post("/api/v1/detect", content=body if declared else iter([body[:75_000]] * 2))
    assert answer.status_code == 413
    assert answer.json()["type"] == "/api#too-large"


def test_a_picture_made_here_is_recognised(client: TestClient) -> None:
    made = client.get("/face/42.jpeg?psi=0.5").content
    body = client.post("/api/v1/check", content=made).json()
    assert body["generated"]
    assert body["same"]
    assert body["recipe"]["seed"] == 42
    assert body["page"] == "/face/42?psi=0.5"
    assert client.get(body["page"]).status_code == 200


def test_a_mark_on_another_picture_is_seen_through(client: TestClient) -> None:
    with Image.open(io.BytesIO(client.get("/face/42.jpeg").content)) as image:
        forged = _jpeg(32, xmp=image.info["xmp"])
    body = client.post("/api/v1/check", content=forged).json()
    assert body["same"] is False


def test_a_picture_without_a_mark_says_nothing(client: TestClient) -> None:
    body = client.post("/api/v1/check", content=_jpeg()).json()
    assert (body["width"], body["height"]) == (40, 40)
    assert not body["generated"]
    assert not {"recipe", "seed", "page", "same"} & set(body)


def test_what_looks_generated_is_said_where_the_server_can(
    make_app: Callable[..., FastAPI], client: TestClient
) -> None:
    assert client.post("/api/v1/check", content=_jpeg()).json()["findings"] == []
    app = make_app()
    with TestClient(app) as able:
        wait_until(lambda: able.get("/readyz").status_code == 200)
        app.state.site.features = replace(app.state.site.features, inspect=inspect_pixels)
        findings = able.post("/api/v1/check", content=_jpeg()).json()["findings"]
    assert [each["name"] for each in findings] == ["marks", "grid", "alignment", "classifier", "faults"]
    assert findings[0]["state"] == "not found"
    assert all(each["meaning"] for each in findings)


def test_frames_are_answered_one_by_one(client: TestClient) -> None:
    with client.websocket_connect("/live") as socket:
        for _ in range(3):
            socket.send_bytes(_jpeg())
            assert socket.receive_json()["faces"][0]["box"] == [10, 10, 30, 30]
        socket.send_bytes(b"no picture")
        assert socket.receive_json()["problem"] == "unreadable"
        socket.send_bytes(_jpeg(3000))
        assert "megapixels" in socket.receive_json()["detail"]
        socket.send_text("hello")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_live_detection_is_for_pages_of_this_site_and_so_many_at_once(open_site: Open) -> None:
    client = open_site(live_limit=1)
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/live", headers={"Origin": "https://elsewhere.example"}),
    ):
        pass
    with (
        client.websocket_connect("/live", headers={"Origin": "http://testserver"}),
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/live"),
    ):
        pass
    with client.websocket_connect("/live") as socket:
        socket.send_bytes(_jpeg())
        assert socket.receive_json()["faces"]


def test_live_detection_ends(open_site: Open) -> None:
    with open_site(live_s=1).websocket_connect("/live") as socket, pytest.raises(WebSocketDisconnect) as ended:
        socket.receive_json()
    assert ended.value.reason == "time is up"


def test_the_game_shows_both_kinds_and_knows_them(open_site: Open, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(_jpeg(64, exif=b"Exif\0\0secret place"))
    client = open_site(real_photos=tmp_path)
    kinds = set()
    for _ in range(40):
        name = client.get("/game/round").json()["name"]
        picture = client.get(f"/game/{name}.jpeg")
        assert picture.status_code == 200
        assert b"secret" not in picture.content
        answer = client.get(f"/game/{name}/answer").json()
        assert client.get(f"/game/{name}/answer").json() == answer
        assert ("page" in answer and answer["page"] is not None) == (not answer["real"])
        kinds.add(answer["real"])
    assert kinds == {True, False}
    assert client.get("/game/zzz.jpeg").status_code == 422


def test_without_photographs_there_is_no_game(client: TestClient) -> None:
    assert client.get("/game/round").status_code == 404
    assert "game-face" not in client.get("/check").text


def test_a_folder_without_photographs_is_refused(open_site: Open, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no photographs"):
        open_site(real_photos=tmp_path)
