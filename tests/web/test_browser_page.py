"""The exported page that the site offers to visitors for their own machines."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from nobodies.errors import SettingError
from nobodies.web.browser_page import BrowserPage
from tests.web.conftest import Open, Serve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# What the real page needs of its headers: WebAssembly compiled in a worker, and memory shared with it.
SCRIPT = """
const worker = new Worker("worker.js");
worker.onmessage = ({ data }) => { document.getElementById("state").textContent = data; };
worker.postMessage(new SharedArrayBuffer(8));
"""
WORKER = """
onmessage = async ({ data }) => {
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  await WebAssembly.instantiate(empty);
  let evaluated = "refused";
  try { evaluated = eval("'run'"); } catch (error) {}
  postMessage(`compiled, ${data.byteLength} bytes shared, eval ${evaluated}`);
};
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    folder.mkdir()
    files = {
        "index.html": '<!doctype html><title>x</title><p id="state"></p><script src="page.js"></script>',
        "page.js": SCRIPT,
        "worker.js": WORKER,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "private.txt").write_text("not of the page")
    (folder / "about.json").write_text(json.dumps({"files": ["./", *files]}))
    return folder


@pytest.fixture
def client(open_site: Open, folder: Path) -> TestClient:
    return open_site(browser_page=folder)


def test_home_and_explanation_lead_there_in_both_languages(client: TestClient) -> None:
    for language, text in (("en", "Make faces on your own machine"), ("fr", "Faire des visages sur votre propre")):
        for path in ("/", "/how"):
            page = client.get(path, params={"lang": language}).text
            assert f'href="/local/?lang={language}"' in page
            assert text in page


def test_without_a_page_there_is_no_link(open_site: Open) -> None:
    client = open_site()
    assert "/local/" not in client.get("/").text
    assert client.get("/local/").status_code == 404


def test_its_files_come_with_what_it_needs_and_no_others(client: TestClient) -> None:
    answer = client.get("/local/?lang=fr")
    assert answer.status_code == 200
    assert "'wasm-unsafe-eval'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert client.get("/local/about.json").json()["files"][1] == "index.html"
    etag = client.get("/local/page.js").headers["etag"]
    assert client.get("/local/page.js", headers={"If-None-Match": etag}).status_code == 304
    for odd in ("private.txt", "none.js", "%2e%2e/page/private.txt", "..%2fsecret", "a%00b"):
        assert client.get(f"/local/{odd}").status_code == 404, odd
    assert "wasm-unsafe-eval" not in client.get("/").headers["content-security-policy"]


def test_a_link_out_of_the_folder_is_not_followed(open_site: Open, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "page.js").unlink()
    (folder / "page.js").symlink_to(tmp_path / "secret")
    assert open_site(browser_page=folder).get("/local/page.js").status_code == 404


@pytest.mark.parametrize(
    ("about", "complaint"),
    [
        (None, "holds no page for the browser"),
        ("{", "holds no page for the browser"),
        ([], "lists no page"),
        ({"files": ["./"]}, "lists no page"),
        ({"files": ["index.html", "../secret"]}, "odd names"),
        ({"files": ["index.html", "gone.js"]}, "lacks gone.js"),
    ],
)
def test_another_folder_is_refused_at_the_start(about: Any, complaint: str, folder: Path) -> None:
    path = folder / "about.json"
    path.unlink()
    if about is not None:
        path.write_text(about if isinstance(about, str) else json.dumps(about))
    with pytest.raises(SettingError, match=complaint):
        BrowserPage(folder)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")
def test_a_visitor_gets_there_by_a_click_and_its_code_may_run(serve: Serve, folder: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    with serve(browser_page=folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(locale="en")
        page.goto(address)
        page.get_by_role("link", name="Make faces on your own machine").click()
        page.wait_for_url("**/local/?lang=en")
        expect(page.locator("#state")).to_have_text("compiled, 8 bytes shared, eval refused")
        browser.close()
