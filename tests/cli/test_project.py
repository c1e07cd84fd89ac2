from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobodies import projection
from nobodies.errors import InputError
from nobodies.generator import Generator
from nobodies.projection import align_photograph
from tests.cli.conftest import Run
from tests.test_projection import learned, parts_of


def test_a_picture_without_a_face_is_refused(tmp_path: Path, run: Run) -> None:
    blank = np.full((64, 64, 3), 128, np.uint8)
    with pytest.raises(InputError, match="no face in the picture"):
        align_photograph(blank)
    Image.fromarray(blank).save(tmp_path / "blank.png")
    code, _, err = run("project", tmp_path / "blank.png", "--out", tmp_path / "out")
    assert code == 2
    assert "no face in the picture" in err
    assert not (tmp_path / "out").exists()


def test_the_command_writes_face_code_and_comparison(
    run_tiny: Run, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learned()
    monkeypatch.setattr("nobodies.latents.looks._shipped", lambda name: model)
    monkeypatch.setattr(projection, "look_of", lambda looks, pixels: looks.look(**parts_of(pixels)))
    generator.face(9).save(tmp_path / "photo.png")
    monkeypatch.setattr("nobodies.cli.project.align_photograph", lambda pixels: pixels)
    code, said, _ = run_tiny("project", tmp_path / "photo.png", "--seconds", 0.2, "--out", tmp_path / "out")
    assert code == 0
    assert "identity distance" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["face.png", "side-by-side.jpg", "w.npy"]
    code, _, _ = run_tiny(
        "generate", "--w", tmp_path / "out" / "w.npy", "--format", "png", "--out", tmp_path / "again"
    )
    again = next((tmp_path / "again").glob("*.png"))
    with Image.open(again) as one, Image.open(tmp_path / "out" / "face.png") as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
