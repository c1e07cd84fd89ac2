import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobodies.generator import Generator
from tests.cli.conftest import Run


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_seeds_sheet_and_manifest(run_tiny: Run, tmp_path: Path) -> None:
    code, out, _ = run_tiny("generate", "--seeds", "1-3,9", "--out", tmp_path / "f", "--sheet", "--manifest")
    assert code == 0
    assert "4 faces made" in out
    faces = ["face-1.jpg", "face-2.jpg", "face-3.jpg", "face-9.jpg"]
    assert _names(tmp_path / "f") == [*faces, "manifest.jsonl", "sheet.jpg"]
    seeds = [json.loads(line)["seed"] for line in (tmp_path / "f" / "manifest.jsonl").read_text().splitlines()]
    assert seeds == [1, 2, 3, 9]


def test_the_same_command_again_makes_nothing(run_tiny: Run, tmp_path: Path) -> None:
    command = ("generate", "--count", 5, "--from-seed", 10, "--out", tmp_path, "--format", "webp", "--size", 16)
    run_tiny(*command)
    (tmp_path / "face-12.webp").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    code, out, _ = run_tiny(*command)
    assert code == 0
    assert "1 face made" in out
    assert "4 already there" in out
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {name: after[name] for name in before} == before


def test_a_text_is_a_seed_and_may_be_repeated(run_tiny: Run, tmp_path: Path) -> None:
    run_tiny("generate", "--seed", "any text", "--seed", "7", "--seed", "any text", "--out", tmp_path)
    assert _names(tmp_path) == ["face-11285876729861036076.jpg", "face-7.jpg"]


def test_without_a_wish_it_is_one_new_face_each_time(run_tiny: Run, tmp_path: Path) -> None:
    run_tiny("generate", "--out", tmp_path)
    run_tiny("generate", "--out", tmp_path)
    assert len(_names(tmp_path)) == 2


def test_codes_from_files(run_tiny: Run, tmp_path: Path, generator: Generator) -> None:
    ws = np.stack([generator.w(1), generator.w(2)])
    np.savez(tmp_path / "ws.npz", ws=ws)
    np.save(tmp_path / "z.npy", np.ones((3, 8)))
    assert run_tiny("generate", "--w", tmp_path / "ws.npz", "--out", tmp_path / "w", "--format", "png")[0] == 0
    with Image.open(tmp_path / "w" / "w-0001.png") as image:
        assert np.array_equal(np.asarray(image), generator.face(2).pixels)
    assert run_tiny("generate", "--z", tmp_path / "z.npy", "--psi", "0.3", "--out", tmp_path / "z")[0] == 0
    assert _names(tmp_path / "z") == ["z-0000.jpg", "z-0001.jpg", "z-0002.jpg"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--model", "ffqh"], "unknown model 'ffqh'"),
        (["--psi", "9"], "psi is 9.0: it must be between -1.5 and 1.5"),
        (["--psi", "nan"], "psi is nan"),
        (["--psi", "high"], "not a valid float"),
        (["--seeds", "1-"], "write for example 1-12,99"),
        (["--seeds", "9-1"], "runs backwards"),
        (["--seed", ""], "seed is empty"),
        (["--seed", "18446744073709551616"], "out of range"),
        (["--count", "0"], "at least 1"),
        (["--count", "99999999999"], "at most"),
        (["--from-seed", "5"], "goes with --count"),
        (["--seeds", "1", "--count", "2"], "not several"),
        (["--size", "64"], "up to 32 px"),
        (["--size", "3"], "between 16 and 8192"),
        (["--format", "bmp"], "'jpeg', 'png', 'webp', 'avif'"),
        (["--format", "png", "--quality", "50"], "lossless"),
        (["--quality", "0"], "between 1 and 100"),
        (["--cutoff", "-1"], "at least 0"),
        (["--jobs", "none"], "1 to 1024, or auto"),
        (["--w", "missing.npy"], "cannot read missing.npy"),
        (["--precision", "f16"], "'auto', 'bf16', 'f32'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run_tiny: Run, tmp_path: Path, arguments: list[str], hint: str
) -> None:
    code, out, err = run_tiny("generate", "--out", tmp_path / "f", *arguments)
    assert (code, out) == (2, "")
    assert hint in err
    assert err.startswith("nobodies: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "f").exists() or _names(tmp_path / "f") == []


def test_codes_of_the_wrong_shape(run_tiny: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.zeros((2, 7)))
    code, _, err = run_tiny("generate", "--w", tmp_path / "w.npy", "--out", tmp_path / "f")
    assert code == 2
    assert "w is [2, 7]: this model takes [8], [N, 8] or [N, 5, 8]" in err
    assert run_tiny("generate", "--z", tmp_path / "w.npy", "--out", tmp_path / "f")[0] == 2


def test_an_unwritable_folder_is_said_before_any_work(run_tiny: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = run_tiny("generate", "--out", tmp_path / "file" / "below")
    assert code == 2
    assert "a file stands where a folder is needed" in err


def test_a_file_in_the_way_is_kept(run_tiny: Run, tmp_path: Path) -> None:
    (tmp_path / "face-2.jpg").write_text("mine")
    code, _, err = run_tiny("generate", "--seeds", "1-3", "--out", tmp_path)
    assert code == 2
    assert "not made by this command" in err
    assert (tmp_path / "face-2.jpg").read_text() == "mine"
    assert run_tiny("generate", "--seeds", "1-3", "--out", tmp_path, "--overwrite")[0] == 0
