"""The fit of the gate, `tools/fit_gate.py`, on faces whose faults are plain in their features."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tools import code_net, fit_gate
from tools.code_net import code_kernel, distilled, targets_of
from tools.fit_gate import DOUBT, REFUSED, Faces, Ridge, fit_pictures, limits_of, report

from nobodies.gate.probes import EYES, WHOLE, Card, FaultProbes

NUM = 120


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> Faces:
    """Faces of which every fourth has a second face, which both code and picture tell."""
    monkeypatch.setattr(fit_gate, "AT_RANDOM", {"0.7": range(60)})
    monkeypatch.setattr(fit_gate, "CODE_PENALTY", 0.05)
    rng = np.random.default_rng(1)
    code, whole, eyes = (rng.normal(size=(NUM, size)) for size in (6, 10, 10))
    faulty = np.arange(NUM) % 4 == 0
    whole[:, 0] += 5 * faulty
    code[:, 0] += 4 * faulty
    eyes[NUM // 2 :: 2] = np.nan
    kinds = (*WHOLE[1:], *EYES)
    labels = {(seed, "0.7"): {"second_face"} if faulty[seed] else set() for seed in range(100)}
    for seed, kind in zip(range(1, 100, 4), kinds * 4, strict=False):
        labels[seed, "0.7"] = {kind}
    keys = [(seed, "0.7") for seed in range(NUM)]
    glasses, tried = {(101, "0.7"): True}, {(110, "0.7"): {"hands"}}
    pictures = (whole.astype(np.float32), eyes.astype(np.float32))
    return Faces(keys, labels, glasses, tried, code, *pictures, np.full(NUM, 40.0))


def test_weights_score_as_the_products_do(faces: Faces) -> None:
    rows = faces.examples("whole")
    ridge = Ridge.on(faces.whole, rows, faces.truth(rows, WHOLE))
    weights, constants = ridge.weights()
    by_products = ridge.scores(np.ones(len(rows), np.bool_))
    assert faces.whole @ weights.T + constants == pytest.approx(by_products, abs=1e-4)


def test_examples_are_the_labelled_and_of_eyes_those_looked_at(faces: Faces) -> None:
    assert faces.examples("whole").tolist() == list(range(100))
    assert faces.examples("eyes").tolist() == [*range(60), *range(61, 100, 2), 101]


def test_a_fault_that_shows_is_turned_away(faces: Faces, capsys: pytest.CaptureFixture[str]) -> None:
    fit = fit_pictures(faces)
    assert np.isfinite(fit.held_out["whole"][:100]).all()
    assert np.isnan(fit.held_out["whole"][100:]).all(), "faces without labels are not held out"
    limits = limits_of(faces, fit.held_out)
    said = np.full((NUM, 3), np.nan)
    said[:100] = fit.scores["whole"][:100, :1]
    seen = report(faces, fit, said, limits)
    assert "precision" in capsys.readouterr().out
    assert seen["second_face"].auc > 0.95
    assert seen["second_face"].recall > 0.8
    weights, constants = fit.ridges["whole"].weights()
    away = faces.whole @ weights[0] + constants[0] > limits["whole"][0]
    assert (away == (np.arange(NUM) % 4 == 0)).mean() > 0.9


def test_codes_held_out_are_judged_as_by_regressions_without_them(faces: Faces) -> None:
    fit = fit_pictures(faces)
    limits = limits_of(faces, fit.held_out)
    taught = np.arange(100)
    kernel = code_kernel(faces.code, faces.code[taught])
    inverse = np.linalg.inv(kernel[taught] + 0.05 * np.eye(100, dtype=np.float32))
    said = fit_gate._codes_held_out(faces, fit, limits, taught, inverse)
    left_out = fit.folds["whole"] == 3
    targets = targets_of(faces.ages, fit.without[3], limits)[taught]
    middle = targets.mean(0)
    inner = kernel[taught][np.ix_(~left_out, ~left_out)] + 0.05 * np.eye(int((~left_out).sum()))
    shares = np.linalg.solve(inner, targets[~left_out] - middle)
    direct = kernel[taught][np.ix_(left_out, ~left_out)] @ shares + middle
    assert said[taught[left_out]] == pytest.approx(direct, abs=1e-2)


def test_what_is_to_be_read_from_codes() -> None:
    scores = {"whole": np.array([[0.0, 0.0], [0.5, 0.0], [0.2, 0.0]]), "eyes": np.array([[np.nan], [0.1], [0.9]])}
    limits = {"whole": np.array([0.2, 0.4]), "eyes": np.array([0.1])}
    targets = targets_of(np.array([45.0, 18.0, 60.0]), scores, limits)
    assert targets == pytest.approx(np.array([[0, 0, 0], [1, 0.5, 0.6], [0.5, 1, 0]]), abs=1e-6)


def test_the_net_follows_its_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_net, "NUM_SEEDS", 4000)
    monkeypatch.setattr(code_net, "_BLOCK", 1000)
    direction = np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32)

    def teacher(codes: NDArray[np.float32]) -> NDArray[np.float32]:
        said: NDArray[np.float32] = np.tanh(codes @ direction)
        return said

    def codes_of(seeds: range, psi: float) -> NDArray[np.float32]:
        return (psi * np.random.default_rng(seeds.start).normal(size=(len(seeds), 8))).astype(np.float32)

    net = distilled(teacher, codes_of, codes_of(range(100), 1.0))  # type: ignore[arg-type]
    arrays: dict[str, NDArray[Any]] = {f"code_{name}": values for name, values in net.items()}
    arrays |= {"code_refused": np.array(REFUSED), "code_doubt": np.array(DOUBT)}
    for part, names in (("whole", WHOLE), ("eyes", EYES)):
        arrays |= {part: np.zeros((len(names), 4)), f"{part}_bias": np.zeros(len(names))}
    codes = codes_of(range(10**6, 10**6 + 500), 0.7)
    said = FaultProbes(Card("tiny", "f" * 16, 1, 1, {}), arrays).code_scores(codes)
    assert np.square(said - teacher(codes)).mean() < 0.25 * teacher(codes).var()
