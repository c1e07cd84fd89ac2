"""Limits, headers, errors, health: what holds whatever is asked."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from nobodies.errors import ModelError, SettingError
from nobodies.settings import WebSettings
from nobodies.web.app import create_app
from nobodies.web.keys import Keys, Rate
from tests.web.conftest import Open, SlowEngine, wait_until

PAGES = ["/", "/choose", "/face/42", "/download", "/download?face=7", "/detect", "/check", "/how", "/api"]
KEY = "a-key-that-is-long-enough"


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_are_whole_and_strict(client: TestClient, page: str, language: str) -> None:
    answer = client.get(page, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.text
    assert answer.headers["content-language"] == language
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    for name in ("x-content-type-options", "referrer-policy", "permissions-policy", "x-frame-options"):
        assert name in answer.headers
    assert answer.text.count("<h1") == 1


def test_every_address_on_every_page_leads_somewhere(client: TestClient) -> None:
    addresses = set()
    for page in PAGES:
        addresses |= set(re.findall(r'(?:href|src)="(/[^"#]*)', client.get(page).text))
    assert len(addresses) > 30
    for address in addresses:
        assert client.get(address.replace("&amp;", "&")).status_code == 200, address


def test_the_language_can_be_switched_and_is_remembered(client: TestClient) -> None:
    answer = client.get("/how?lang=fr")
    assert '<html lang="fr"' in answer.text
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert '<html lang="fr"' in client.get("/").text
    assert "set-cookie" not in client.get("/").headers


def test_a_text_leads_to_the_studio_of_its_face(client: TestClient) -> None:
    answer = client.get("/face/alice%20and%20bob")
    assert answer.status_code == 307
    assert client.get(answer.headers["location"]).status_code == 200
    assert client.get("/face/0042").headers["location"] == "/face/42"


def test_what_a_visitor_writes_never_becomes_markup(client: TestClient) -> None:
    evil = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    for address in (f"/face/42?mix={evil}", f"/face/1?{evil}=1", f"/{evil}", f"/download?face={evil}"):
        assert "<script>alert" not in client.get(address, headers={"Accept": "text/html"}).text


PATHS = ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/face/..%2f1.png"]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_the_static_files(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (404, 422)


def test_no_header_can_be_slipped_in(client: TestClient) -> None:
    answer = client.get("/face/x%0d%0aSet-Cookie:%20a=1")
    assert "set-cookie" not in answer.headers
    assert answer.status_code == 307


def test_people_get_a_page_and_programs_get_problem_json(client: TestClient) -> None:
    page = client.get("/nothing", headers={"Accept": "text/html", "Accept-Language": "fr"})
    assert page.status_code == 404
    assert "Il n’y a rien" in page.text
    for path in ("/nothing", "/face/1.jpeg?size=1", "/api/v1/nothing"):
        accept = "*/*" if path == "/nothing" else "text/html"
        answer = client.get(path, headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) == {"type", "title", "status", "detail"}
    assert client.post("/face/1.jpeg").status_code == 405


def test_a_bug_is_logged_and_nothing_of_it_is_told(
    make_app: Callable[..., FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    with TestClient(app, raise_server_exceptions=False) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200)

        def fail(*_: object) -> None:
            raise RuntimeError("the secret is 42")

        monkeypatch.setattr(app.state.site.pictures, "check", fail)
        answer = client.get("/face/42.jpeg")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert answer.json()["type"] == "/api#server"
        page = client.get("/face/42", headers={"Accept": "text/html"})
        assert page.status_code == 500
        assert "secret" not in page.text


def test_a_model_that_is_missing_is_said_and_comes_later(
    make_app: Callable[..., FastAPI], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("nobodies.web.site._RETRY_LOAD_S", 0.05)
    app = make_app()
    load, missing = app.state.site._load, [True]

    def find_or_fail() -> object:
        if missing[0]:
            raise ModelError("the model is not at /home/operator/secret")
        return load()

    app.state.site._load = find_or_fail
    with TestClient(app) as client:
        wait_until(lambda: "cannot be loaded" in client.get("/readyz").text)
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", "/face.jpeg", "/face/1.jpeg", "/api/v1/faces"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert "operator/secret" not in answer.text
        assert client.get("/", headers={"Accept": "text/html"}).status_code == 503
        assert "operator/secret" in caplog.text
        missing[0] = False
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/face.jpeg").status_code == 200


def test_a_visitor_waits_for_a_model_being_loaded(engine: SlowEngine, make_app: Callable[..., FastAPI]) -> None:
    engine.may_draw.clear()
    with TestClient(make_app(wait_s=0.2)) as client:
        assert client.get("/readyz").status_code == 503
        answer = client.get("/face.jpeg")
        assert answer.status_code == 503
        assert "made ready" in answer.json()["detail"]
        engine.may_draw.set()
        assert client.get("/face.jpeg").status_code == 200


def test_metrics_count_by_route_and_name_nobody(client: TestClient) -> None:
    client.get("/face.jpeg?u=alice-in-wonderland")
    client.get("/face/424242.jpeg")
    client.get("/no-such-place")
    text = client.get("/metrics").text
    assert 'nobodies_requests_total{route="/face/{seed}.{ending}",status="200"} 1.0' in text
    assert 'route="other",status="404"' in text
    assert not re.search("alice|424242|testclient|no-such-place", text)


def test_nothing_of_a_visitor_is_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for path in ("/face.jpeg?u=alice", "/face/424242.jpeg", "/face/1.jpeg?size=3", "/nothing?q=alice"):
        client.get(path, headers={"User-Agent": "alice-browser"})
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "asyncio"))]
    assert not [line for line in ours if re.search("alice|424242|testclient", line)]


def test_keys_close_the_api_but_not_the_pages(open_site: Open, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# ours\n\n{KEY}\n")
    client = open_site(keys_file=tmp_path / "keys")
    answer = client.get("/api/v1/faces")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    for wrong in ("Bearer no", f"Basic {KEY}", "Bearer ", "Bearer \u00fc"):
        assert client.get("/api/v1/faces", headers=[(b"Authorization", wrong.encode())]).status_code == 401
    assert client.get("/api/v1/faces", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    assert client.get("/api/v1/faces", headers={"X-API-Key": KEY}).status_code == 200
    found = re.search(r'data-pass="([^"]+)"', client.get("/").text)
    assert found
    assert client.get("/api/v1/faces", headers={"Authorization": f"Bearer {found[1]}"}).status_code == 200
    assert client.get("/face.jpeg").status_code == 200


def test_a_pass_ends_and_cannot_be_made_up() -> None:
    now = [1000.0]
    keys = Keys(frozenset({KEY}), b"secret", clock=lambda: now[0])
    given = keys.new_pass()
    assert keys.fits(given)
    assert not keys.fits(given.replace("4600", "9999"))
    assert not Keys(frozenset({KEY}), b"other", clock=lambda: now[0]).fits(given)
    now[0] = 4601
    assert not keys.fits(given)
    for wrong in ("", ".", "9" * 50 + ".", "9999.é", "٣."):
        assert not keys.fits(wrong)


@pytest.mark.parametrize("content", ["", "short", "# only a comment", None])
def test_a_file_without_good_keys_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingError, match="keys_file"):
        create_app(WebSettings(keys_file=path))


def test_who_asks_too_often_is_told_when_to_come_back(open_site: Open) -> None:
    client = open_site(rate_per_minute=5)
    answers = [client.get("/api/v1/faces") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 12
    assert client.get("/healthz").status_code == 200


def test_tokens_come_back_and_visitors_do_not_share_them() -> None:
    now = [0.0]
    rate = Rate(60, clock=lambda: now[0])
    assert [rate.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert rate.wait_s("a") == pytest.approx(1.0)
    assert rate.wait_s("b") == 0
    now[0] = 2.0
    assert [rate.wait_s("a") == 0 for _ in range(3)] == [True, True, False]


def test_other_sites_scripts_are_kept_out_unless_named(open_site: Open) -> None:
    origin = {"Origin": "https://friend.example"}
    assert "access-control-allow-origin" not in open_site().get("/face/1.jpeg", headers=origin).headers
    friendly = open_site(cors_origins="https://friend.example, https://other.example")
    assert friendly.get("/face/1.jpeg", headers=origin).headers["access-control-allow-origin"] == origin["Origin"]
    stranger = friendly.get("/face/1.jpeg", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_pictures_may_be_shown_elsewhere_and_pages_may_not(client: TestClient) -> None:
    assert client.get("/face/1.jpeg").headers["cross-origin-resource-policy"] == "cross-origin"
    assert client.get("/").headers["cross-origin-resource-policy"] == "same-origin"
    assert client.get("/static/site.css").headers["cache-control"] == "no-cache"
    assert "immutable" in client.get("/static/site.css?v=1").headers["cache-control"]
