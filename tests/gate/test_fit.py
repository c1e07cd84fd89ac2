"""The fit of the probes, `tools/fit_gate.py`, on faces whose faults are plain in their features."""

import numpy as np
import pytest
from tools import fit_gate
from tools.fit_gate import PENALTY, Faces, Ridge, fit, held_out, limits_of, predict, report

from nobodies.gate.probes import EYES, WHOLE, Card, FaultProbes

NUM = 120


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> Faces:
    """Faces of which every fourth has a second face, which both code and picture tell."""
    monkeypatch.setattr(fit_gate, "DRAWN", {"0.7": range(NUM)})
    monkeypatch.setattr(fit_gate, "AT_RANDOM", {"0.7": range(60)})
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
    return Faces([(seed, "0.7") for seed in range(NUM)], labels, code, whole, eyes)


def _products(faces: Faces) -> dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"]:
    given = {"code": faces.code, "whole": faces.whole, "eyes": faces.eyes_filled}
    return {part: Ridge(each, PENALTY[part]).products() for part, each in given.items()}


def test_weights_score_as_the_products_do(faces: Faces) -> None:
    rows = faces.rows(faces.labels)
    targets = faces.truth(rows, WHOLE)
    ridge = Ridge(faces.whole, 0.3)
    weights, constants = ridge.weights(rows, targets, ridge.products())
    by_products = predict(ridge.products(), rows, targets, 0.3)
    assert faces.whole @ weights.T + constants == pytest.approx(by_products, abs=1e-9)


def test_a_fault_that_shows_is_turned_away(faces: Faces, capsys: pytest.CaptureFixture[str]) -> None:
    products = _products(faces)
    scores = held_out(faces, products)
    assert np.isfinite(scores["whole"][faces.rows(faces.labels)]).all()
    assert np.isnan(scores["whole"][100:]).all(), "faces without labels are not scored"
    limits = limits_of(faces, scores)
    seen = report(faces, scores, limits)
    assert "precision" in capsys.readouterr().out
    assert seen["second_face"].auc > 0.95
    assert seen["second_face"].recall > 0.8
    arrays = fit(faces, products, limits)
    probes = FaultProbes(Card("tiny", "f" * 16, 100, 60, seen), arrays)
    away = probes.scores("whole", faces.whole)[:, 0] > 0
    assert (away == (np.arange(NUM) % 4 == 0)).mean() > 0.9
    by_code = probes.scores("code", faces.code)[:, 0] > 0
    assert (by_code & (np.arange(NUM) % 4 > 0)).mean() < 0.05
