from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.gate.stand_in import SeedGate


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> SeedGate:
    """A gate that finds fault with every third seed."""
    made = SeedGate()
    monkeypatch.setattr("nobodies.gate.gate_of", lambda *_, **__: made)
    return made


def _seeds(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("face-")) for path in folder.glob("face-*.jpg"))


def test_others_are_made_in_place_of_faulty_faces(run_tiny: Run, tmp_path: Path, gate: SeedGate) -> None:
    code, out, err = run_tiny("generate", "--count", "5", "--out", tmp_path, "--sheet")
    assert code == 0
    assert _seeds(tmp_path) == [1, 2, 4, 5, 7]
    assert "5 faces made" in out
    assert "2 faces drawn and turned away: second_face 2" in err
    assert gate.looked_at == [1, 2, 3, 4, 5, 6, 7]


def test_the_same_command_again_makes_the_same(run_tiny: Run, tmp_path: Path, gate: SeedGate) -> None:
    arguments = ("generate", "--count", "5", "--from-seed", "10", "--out", tmp_path)
    run_tiny(*arguments)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "face-13.jpg").unlink()
    gate.num_refused = 0
    _, out, _ = run_tiny(*arguments)
    assert "1 face made" in out
    assert "4 already there" in out
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {"face-13.jpg"}


def test_a_named_seed_always_gives_its_face(run_tiny: Run, tmp_path: Path, gate: SeedGate) -> None:
    run_tiny("generate", "--seeds", "3-4", "--out", tmp_path)
    run_tiny("generate", "--seed", "6", "--out", tmp_path)
    assert _seeds(tmp_path) == [3, 4, 6]
    assert gate.looked_at == []


def test_without_the_gate_seeds_follow_each_other(run_tiny: Run, tmp_path: Path, gate: SeedGate) -> None:
    code, _, err = run_tiny("generate", "--count", "4", "--no-gate", "--out", tmp_path)
    assert (code, err) == (0, "")
    assert _seeds(tmp_path) == [1, 2, 3, 4]


def test_a_gate_that_lets_nothing_through_ends_the_search(run_tiny: Run, tmp_path: Path, gate: SeedGate) -> None:
    gate.every = 1
    code, _, err = run_tiny("generate", "--count", "2", "--out", tmp_path)
    assert code == 2
    assert "turned away as faulty: lower psi, or let them pass with --no-gate" in err
    assert _seeds(tmp_path) == []


def test_codes_from_a_file_do_not_pass_the_gate(run_tiny: Run, tmp_path: Path, gate: SeedGate) -> None:
    import numpy as np

    np.save(tmp_path / "z.npy", np.ones((2, 8)))
    assert run_tiny("generate", "--z", tmp_path / "z.npy", "--out", tmp_path / "z")[0] == 0
    assert gate.looked_at == []
