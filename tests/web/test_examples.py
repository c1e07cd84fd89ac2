"""The examples of the API, on the page and in the guide, do what they say."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nobodies.web.routes.pages import example
from tests.web.conftest import Serve

SIDE_PX = "32"  # the generator of the tests is small
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "api.md"


@pytest.mark.parametrize(
    ("name", "program", "files"),
    [
        ("curl.sh", "bash", ["new.jpg", "alice.webp", "faces.zip"]),
        ("python.py", sys.executable, ["faces.zip"]),
        ("javascript.js", "node", []),
    ],
)
def test_examples_run(serve: Serve, tmp_path: Path, name: str, program: str, files: list[str]) -> None:
    for needed in (program, "curl") if name == "curl.sh" else (program,):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    with serve() as address:
        text = example(name).replace("http://127.0.0.1:8000", address)
        for size in ("512", "256", "128"):
            text = text.replace(f"size={size}", f"size={SIDE_PX}").replace(f'"size": {size}', f'"size": {SIDE_PX}')
        script = tmp_path / name.replace(".js", ".mjs")
        script.write_text(text)
        done = subprocess.run([program, script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for each in files:
        assert (tmp_path / each).stat().st_size > 500
    if "faces.zip" in files:
        assert zipfile.ZipFile(tmp_path / "faces.zip").testzip() is None


@pytest.mark.parametrize("name", ["curl.sh", "python.py", "javascript.js"])
def test_the_guide_shows_the_same_examples(name: str) -> None:
    assert example(name) in GUIDE.read_text()
