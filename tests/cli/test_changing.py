"""The commands edit, mix, morph, directions and attributes, on the tiny generator."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies.generator import Generator
from nobodies.imaging import xmp_of
from nobodies.provenance import recipe_of
from nobodies.survey import Look
from tests.cli.conftest import Run
from tests.tiny_attributes import install


@pytest.fixture(autouse=True)
def attributes(own_cache: Path) -> None:
    install()


def pixels_in(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def somebody_of(age: float) -> Look:
    return Look({"age": age}, *(np.zeros(size, np.float32) for size in (128, 956, 0)))


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def recipe_in(path: Path) -> dict[str, object]:
    with Image.open(path) as image:
        found = recipe_of(xmp_of(image) or b"")
    assert found is not None
    return found


def test_edit_writes_the_changed_face_and_says_what_moved(
    run_tiny: Run, generator: Generator, tmp_path: Path
) -> None:
    out, w_out = tmp_path / "new" / "older.png", tmp_path / "older.npy"
    code, said, _ = run_tiny(
        "edit", "--seed", 5, "--set", "age=+10", "--set", "smile=yes", "--out", out, "--w-out", w_out
    )
    assert code == 0
    assert "age" in said
    edited = generator.edit(5, {"age": "+10", "smile": "yes"})
    assert np.array_equal(np.load(w_out), edited.ws)
    assert np.array_equal(pixels_in(out), generator.face(w=edited.ws).pixels)
    assert recipe_in(out)["changes"] == ["age=+10", "smile=yes"]


def test_an_edit_of_codes_from_a_file_goes_on_from_them(run_tiny: Run, tmp_path: Path) -> None:
    run_tiny("edit", "--seed", 5, "--set", "age=+5", "--out", tmp_path / "a.png", "--w-out", tmp_path / "a.npy")
    code, _, _ = run_tiny("edit", "--w", tmp_path / "a.npy", "--set", "age=-5", "--out", tmp_path / "b.png")
    assert code == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_an_edit_that_goes_too_far_says_so(run_tiny: Run, tmp_path: Path) -> None:
    _, said, _ = run_tiny("edit", "--seed", 5, "--set", "age=90", "--set", "woman=no", "--out", tmp_path / "a.jpg")
    assert "clamped so that the face does not break" in said


def test_a_checked_edit_says_what_was_measured(
    run_tiny: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = iter([30.0, 38.0, 40.2, 30.0, float("nan")])
    monkeypatch.setattr("nobodies.survey.look", lambda pixels, features: somebody_of(next(ages)))
    out = tmp_path / "a.png"
    code, said, _ = run_tiny("edit", "--seed", 5, "--set", "age=+10", "--checked", "--out", out)
    assert code == 0
    assert "age 30.00 to 40.20" in said
    code, said, _ = run_tiny("edit", "--seed", 5, "--set", "age=+10", "--checked", "--out", out)
    assert code == 0
    assert "age cannot be told from the picture" in said
    code, _, said = run_tiny("edit", "--seed", 5, "--strip", "age=-5..+5", "--checked", "--out", out)
    assert code == 2
    assert "--checked is for --set" in said


def test_a_strip_shows_every_step(run_tiny: Run, tmp_path: Path) -> None:
    code, _, _ = run_tiny("edit", "--seed", 5, "--strip", "age=-20..+20", "--steps", 5, "--out", tmp_path / "s.jpg")
    assert code == 0
    width, height = size_of(tmp_path / "s.jpg")
    assert width // height == 5


def test_mix_takes_layers_of_the_other(run_tiny: Run, generator: Generator, tmp_path: Path) -> None:
    out = tmp_path / "m.png"
    code, _, _ = run_tiny("mix", "--base", 1, "--other", 2, "--layers", "0-1", "--out", out)
    assert code == 0
    ws = generator.w(1)
    ws[:2] = generator.w(2)[:2]
    assert np.array_equal(pixels_in(out), generator.face(w=ws).pixels)


def test_the_average_of_one_face_is_that_face(run_tiny: Run, generator: Generator, tmp_path: Path) -> None:
    run_tiny("mix", "--average", "4", "--out", tmp_path / "a.png")
    assert np.array_equal(pixels_in(tmp_path / "a.png"), generator.face(4).pixels)


def test_a_table_has_a_face_more_each_way(run_tiny: Run, tmp_path: Path) -> None:
    code, _, _ = run_tiny("mix", "--rows", "1-2", "--columns", "3-5", "--out", tmp_path / "t.jpg")
    assert code == 0
    width, height = size_of(tmp_path / "t.jpg")
    assert (width + 4) / (height + 4) == pytest.approx(4 / 3)


@pytest.mark.parametrize(("name", "frames"), [("m.gif", 6), ("m.webp", 6)])
def test_morph_writes_a_loop_of_pictures(run_tiny: Run, tmp_path: Path, name: str, frames: int) -> None:
    code, said, _ = run_tiny(
        "morph", "--seeds", "1-3", "--loop", "--seconds", 0.2, "--fps", 10, "--size", 32, "--out", tmp_path / name
    )
    assert code == 0
    assert f"{frames} pictures, 0.6 s" in said
    with Image.open(tmp_path / name) as film:
        assert film.n_frames == frames  # type: ignore[attr-defined]
        assert film.size == (32, 32)


@pytest.mark.parametrize("through", ["w", "z", "curve"])
def test_every_way_begins_with_the_first_face(
    run_tiny: Run, generator: Generator, tmp_path: Path, through: str
) -> None:
    out = tmp_path / "m.mp4"
    code, _, _ = run_tiny(
        "morph", "--seeds", "8,9", "--through", through, "--seconds", 0.5, "--fps", 8, "--size", 32, "--out", out
    )
    assert code == 0
    av = pytest.importorskip("av")
    with av.open(str(out)) as film:
        first = next(film.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(first.astype(int) - generator.face(8).pixels.astype(int)).mean() < 12


def test_a_slide_moves_one_attribute(run_tiny: Run, tmp_path: Path) -> None:
    code, said, _ = run_tiny(
        "morph",
        "--seed",
        3,
        "--slide",
        "age=20..70",
        "--seconds",
        1,
        "--fps",
        5,
        "--size",
        32,
        "--out",
        tmp_path / "s.gif",
    )
    assert code == 0
    assert "5 pictures" in said


def test_directions_are_shown_and_written(run_tiny: Run, tmp_path: Path) -> None:
    code, said, _ = run_tiny(
        "directions", "--method", "ganspace", "--count", 2, "--steps", 3,
        "--out", tmp_path / "d.jpg", "--w-out", tmp_path / "d.npy",
    )  # fmt: skip
    assert code == 0
    assert said.count("explains") == 2
    assert np.load(tmp_path / "d.npy").shape == (2, 8)
    assert size_of(tmp_path / "d.jpg") == (3 * 164 - 4, 2 * 164 - 4)


def test_attributes_are_listed_with_their_values(run: Run) -> None:
    code, said, _ = run("attributes", "list")
    assert code == 0
    assert "age" in said
    assert "0 to 90 years" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("edit", "--seed", "1"), "give --set NAME=VALUE"),
        (("edit", "--set", "age=60"), "give the face to change"),
        (("edit", "--seed", "1", "--set", "mood=1"), "no attribute is called 'mood'"),
        (("edit", "--seed", "1", "--set", "age=60", "--out", "x.exe"), "names no picture format"),
        (("edit", "--seed", "1", "--strip", "age"), "is no slider"),
        (("edit", "--seed", "1", "--set", "age=60", "--noise", "seeded"), "choose stored or none"),
        (("mix", "--base", "1"), "give --base and --other"),
        (("mix", "--base", "1", "--other", "2", "--layers", "9"), "layers 9 do not exist"),
        (("mix", "--rows", "1-100", "--columns", "1-100"), "make it 400 or fewer"),
        (("morph", "--seeds", "1"), "through 1 faces"),
        (("morph", "--seeds", "1-2", "--out", "x.txt"), "names no kind of animation"),
        (("morph", "--seeds", "1-2", "--seconds", "0"), "above 0"),
        (("morph", "--seeds", "1-900", "--seconds", "3000"), "make it 36000 or less"),
        (("morph", "--slide", "age=20..30"), "give it with --seed"),
        (("directions",), "SeFa needs the layers of tiny"),
    ],
)
def test_what_cannot_be_ends_with_one_line(
    run_tiny: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_tiny(*arguments)
    assert code == 2
    assert complaint in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*.jpg"))
