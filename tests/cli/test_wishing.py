from pathlib import Path

import pytest

from nobodies.generator import Generator
from tests.cli.conftest import Run
from tests.tiny_attributes import install


@pytest.fixture(autouse=True)
def attributes(own_cache: Path) -> None:
    install()


def seeds_in(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("face-")) for path in folder.glob("face-*.jpg"))


def test_wishes_choose_the_faces_that_are_made(run_tiny: Run, generator: Generator, tmp_path: Path) -> None:
    code, out, err = run_tiny("generate", "--where", "woman, age 30..50", "--count", 4, "--out", tmp_path)
    assert code == 0
    assert "4 faces made" in out
    assert "4 found among" in err
    assert seeds_in(tmp_path) == list(generator.choose("woman, age 30..50", count=4))


def test_balanced_faces_are_those_of_the_library(run_tiny: Run, generator: Generator, tmp_path: Path) -> None:
    code, _, err = run_tiny("generate", "--balanced", "--count", 4, "--from-seed", 9, "--out", tmp_path)
    assert code == 0
    assert "balanced: 4 found among" in err
    assert seeds_in(tmp_path) == list(generator.choose("", count=4, from_seed=9, balanced=True))


def test_seeds_that_are_named_cannot_be_balanced(run_tiny: Run, tmp_path: Path) -> None:
    code, _, err = run_tiny("generate", "--balanced", "--seeds", "1-4", "--out", tmp_path)
    assert code == 2
    assert "so does --balanced" in err


def test_options_and_a_line_of_text_say_the_same(run_tiny: Run, tmp_path: Path) -> None:
    run_tiny("generate", "--where", "man, no beard, age 30..50, yaw -60..0", "--count", 3, "--out", tmp_path / "a")
    run_tiny(
        "generate", "--man", "--no-beard", "--age", "30..50", "--yaw", "-60..0", "--count", 3, "--out", tmp_path / "b"
    )
    assert seeds_in(tmp_path / "a") == seeds_in(tmp_path / "b")


def test_one_wished_face_comes_from_anywhere(run_tiny: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert run_tiny("generate", "--where", "woman", "--out", tmp_path)[0] == 0
    assert len(seeds_in(tmp_path)) == 2


def test_a_face_at_random_is_an_adult(run_tiny: Run, generator: Generator, tmp_path: Path) -> None:
    for _ in range(8):
        assert run_tiny("generate", "--psi", "1.5", "--out", tmp_path)[0] == 0
    ages = [generator.attributes.predict(generator.w(seed, psi=1.5)[None])["age"][0] for seed in seeds_in(tmp_path)]
    assert len(ages) == 8
    assert min(ages) >= 20


def test_minors_may_be_allowed(run_tiny: Run, tmp_path: Path) -> None:
    code, _, err = run_tiny("generate", "--where", "age 5..15", "--out", tmp_path)
    assert code == 2
    assert "--allow-minors" in err
    found = run_tiny("generate", "--where", "age 5..15", "--psi", "1.5", "--allow-minors", "--out", tmp_path)
    assert found[0] == 0


def test_checked_faces_are_replaced_until_there_are_enough(
    run_tiny: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def measure(pixels: object) -> dict[str, float]:
        looked.append(pixels)
        return {"woman": 0.9 if len(looked) % 2 else 0.1, "age": 30.0}

    monkeypatch.setattr("nobodies.survey.measure", measure)
    code, out, _ = run_tiny("generate", "--where", "woman", "--count", 3, "--checked", "--out", tmp_path)
    assert code == 0
    assert "3 faces made" in out
    assert 5 <= len(looked) <= 6


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--where", "wmoan"), "did you mean 'woman'"),
        (("--where", "woman", "--seeds", "1-5"), "wishes choose the seeds"),
        (("--checked",), "--checked goes with wishes"),
        (("--where", "woman", "--count", "0"), "--count is 0"),
        (("--where", "woman, man"), "contradict"),
        (("--where", "sunglasses, age 89..90, woman, beard", "--tries", "200", "--count", "1"), "0 of 1 faces found"),
        (("--age", "many"), "not understood"),
    ],
)
def test_what_cannot_be_ends_with_one_line(
    run_tiny: Run, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    code, _, err = run_tiny("generate", *arguments, "--out", tmp_path)
    assert code == 2
    assert complaint in err
    assert len(err.strip().splitlines()) == 1
