"""The commands around training, in process."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from nobodies.cli.main import main
from nobodies.training.run import RunFolder
from tests.training.conftest import draw_pictures

TINY = [
    "--set", "generator.resolution=8", "--set", "discriminator.resolution=8", "--set", "training.chunk=4",
    "--set", "generator.channel_max=8", "--set", "discriminator.channel_max=8", "--set", "training.batch=4",
    "--set", "training.snapshot_kimg=0.008", "--set", "training.compute=f32",
]  # fmt: skip


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def train(data: Path, out: Path, *more: str) -> int:
    return run("train", "--data", str(data), "--out", str(out), "--preset", "face-32-cpu", *TINY, *more)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    draw_pictures(tmp_path / "pictures", side=20)
    out = tmp_path / "faces.zip"
    assert run("dataset", "build", str(tmp_path / "pictures"), "--out", str(out), "--resolution", "8") == 0
    return out


def test_from_pictures_to_a_page(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    total = ["--set", "training.total_kimg=0.016"]
    assert train(data, tmp_path / "run", *total, "--hourly-cost", "2") == 0
    shown = capsys.readouterr().out
    assert "saved snapshot-0000000016" in shown
    assert "cost to come" in shown
    assert train(data, tmp_path / "run", *total) == 0
    assert "continuing" in capsys.readouterr().out
    assert run("runs", "show", str(tmp_path / "run")) == 0
    assert (tmp_path / "run" / "index.html").exists()
    export = ["--out", str(tmp_path / "model"), "--name", "mine", "--licence", "CC0"]
    assert run("runs", "export", str(tmp_path / "run"), *export) == 0
    assert run("models", "add", str(tmp_path / "model")) == 0
    assert run("generate", "--model", "mine", "--seeds", "1-2", "--out", str(tmp_path / "faces")) == 0


def test_a_dry_run_writes_nothing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run("train", "--data", str(data), "--out", str(out), "--preset", "ffhq-1024", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert '"channel_base": 32768' in shown
    assert "781,250 steps of 32" in shown
    assert re.search(r"25000 kimg at that speed: [\d,.]+ core hours\. No preset was measured on a GPU", shown)
    assert not out.exists()


def test_sigterm_saves_and_ends(data: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")

    def kill_once_it_runs() -> None:
        deadline = time.monotonic() + 60
        while len(folder.generator_paths()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    killer = threading.Thread(target=kill_once_it_runs)
    killer.start()
    assert train(data, tmp_path / "run", "--no-board", "--set", "training.total_kimg=100") == 0
    killer.join()
    shown = int(folder.snapshot_paths()[-1].stem.partition("-")[2])
    assert 8 <= shown < 100_000
    assert folder.log()[-1]["num_pictures"] == shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "batch=8"], "want generator., discriminator. or training.NAME=VALUE"),
        (["--set", "training.batsch=8"], "unknown training setting 'batsch'"),
        (["--preset", "face-65"], "did you mean"),
        (["--config", "nowhere.json"], "cannot be read"),
        (["--labels"], "12 of 12 pictures have no label"),
    ],
)
def test_mistakes_get_one_line(
    data: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", "--data", str(data), "--out", str(tmp_path / "run"), *arguments) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert re.search(message, complaint)


def test_evaluate(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def brightness(pictures: np.ndarray) -> np.ndarray:
        return np.stack([pictures.mean((1, 2, 3)), pictures.std((1, 2, 3))], axis=1) / 64

    monkeypatch.setattr("nobodies.training.metrics.features.efficientnet_features", brightness)
    draw_pictures(tmp_path / "real", count=24)
    assert train(data, tmp_path / "run", "--set", "training.total_kimg=0.008") == 0
    shared = [str(tmp_path / "run"), "--data", str(tmp_path / "real"), "--count", "20"]
    capsys.readouterr()
    assert run("evaluate", *shared, "--neighbours", str(tmp_path / "pairs.png"), "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["kid"]["num_made"] == 20
    assert figures["features"] == "EfficientNet-Lite0"
    assert (tmp_path / "pairs.png").exists()
    assert run("evaluate", *shared) == 0
    assert "95%, 20 made, 20 real" in capsys.readouterr().out
    assert run("evaluate", *shared, "--curve") == 0
    assert capsys.readouterr().out.count("KID") == 2


def test_help_needs_no_torch() -> None:
    code = "import sys\nimport nobodies.cli.train, nobodies.cli.dataset, nobodies.cli.evaluate, nobodies.cli.runs\n"
    check = "sys.exit(sum(name in sys.modules for name in ('torch', 'openvino', 'tensorboardX')))"
    assert subprocess.run([sys.executable, "-c", code + check], check=False).returncode == 0
