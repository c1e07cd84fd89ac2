"""The page that makes faces in the browser."""

import functools
import hashlib
import io
import logging
import re
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nobodies.engines import open_engine
from nobodies.errors import SettingError, WeightsError
from nobodies.exports import export, web
from nobodies.generator import Generator
from nobodies.latents import z_from_seed
from nobodies.models import Model
from nobodies.settings import EngineSettings
from tests import stylegan2

pytest.importorskip("onnx")


OURS = {"page.js", "worker.js", "seeds.js", "marking.js", "offline.js", "sliders.js", "texts.js"}


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the shape of onnxruntime-web's."""
    path = tmp_path / web.FILE_NAME
    with tarfile.open(path, "w:gz") as archive:
        for member in web._MEMBERS:
            info = tarfile.TarInfo(member)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    monkeypatch.setattr(web, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_the_page_has_all_its_files(tmp_path: Path, runtime: Path) -> None:
    folder = export(stylegan2.load("cond-16").model(), "web", tmp_path / "page", half=True, runtime=runtime)
    names = {each.name for each in folder.iterdir()}
    page = "".join(
        path.read_text() for path in folder.iterdir() if path.suffix in (".html", ".css") or path.name in OURS
    )
    assert {"model.onnx", "about.json", "README.md", "ort.wasm.min.js", "ort-wasm-simd-threaded.wasm"} <= names
    for name in ("style.css", *OURS):
        assert name in names
        assert name in page
    foreign = re.sub("http://(www.w3.org|ns.adobe.com|iptc.org|cv.iptc.org|purl.org)/", "", page)
    assert "://" not in foreign, "the page asks nobody else for anything"


def test_another_runtime_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "other.tgz").write_bytes(b"x")
    with pytest.raises(WeightsError, match="is not onnxruntime-web"):
        export(stylegan2.load("cond-16").model(), "web", tmp_path / "page", runtime=tmp_path / "other.tgz")
    assert [each.name for each in tmp_path.iterdir() if "page" in each.name] == []


def test_the_page_takes_no_batch(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="one face at a time"):
        export(stylegan2.load("cond-16").model(), "web", tmp_path / "page", batch=2)


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, default_model: Model) -> Iterator[tuple[str, ThreadingHTTPServer]]:
    folder = export(default_model, "web", tmp_path / "page", half=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.network
@pytest.mark.timeout(900)
def test_a_browser_makes_the_same_face_as_the_engine_even_offline(
    served: tuple[str, ThreadingHTTPServer], default_model: Model, tmp_path: Path
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    url, server = served
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        playwright.expect(page.locator("#state")).to_have_text(re.compile("^Seed 1,"), timeout=400_000)
        z = page.evaluate("import('./seeds.js').then(m => Array.from(m.latentCode(12345678901234567890n, 512)))")
        assert np.array_equal(np.array(z, np.float32), z_from_seed(12345678901234567890, 512))
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(tmp_path / "face.png")
        server.shutdown()
        page.context.set_offline(True)
        page.reload()
        playwright.expect(page.locator("#state")).to_have_text(re.compile("^Seed 1,"), timeout=400_000)
        made_in = page.text_content("#state")
        threads = page.evaluate("document.documentElement.dataset.threads")
        logging.getLogger(__name__).info("%s %s threads", made_in, threads)
        page.locator("#change-smile").fill("1")
        playwright.expect(page.locator("#reset")).to_be_visible(timeout=400_000)
        page.locator("#reset").click()
        playwright.expect(page.locator("#reset")).to_be_hidden(timeout=400_000)
        page.locator("#another").click()
        playwright.expect(page.locator("#state")).to_have_text(re.compile("^Seed [0-9]{2,},"), timeout=400_000)
        browser.close()
    assert complaints == []
    face = Image.open(tmp_path / "face.png")
    assert b"trainedAlgorithmicMedia" in (tmp_path / "face.png").read_bytes()
    engine = open_engine(default_model, EngineSettings(precision="f32"), compiled_folder=None)
    wanted = Generator(default_model, engine).face(1).pixels.astype(np.float64)
    error = np.mean((np.asarray(face.convert("RGB")) - wanted) ** 2)
    assert 10 * np.log10(255**2 / error) > 45
