import numpy as np
import pytest

from nobodies.errors import ShapeError, WeightsError
from nobodies.gate import probes as probes_module
from nobodies.gate.probes import CODE, EYES, WHOLE, FaultProbes, shipped_probes
from nobodies.models import Model
from nobodies.settings import DEFAULT_MODEL
from tests.gate.stand_in import tiny_probes


def test_probes_are_written_and_read_back() -> None:
    probes = tiny_probes()
    again = FaultProbes.from_bytes(probes.to_bytes())
    assert again.card == probes.card
    features = np.random.default_rng(0).normal(size=(5, 8))
    for part, num in (("whole", len(WHOLE)), ("eyes", len(EYES))):
        assert again.scores(part, features).shape == (5, num)
        assert again.scores(part, features) == pytest.approx(probes.scores(part, features), abs=1e-3)
    assert again.code_scores(features).shape == (5, len(CODE))
    assert again.code_scores(features) == pytest.approx(probes.code_scores(features), abs=1e-3)


def test_what_codes_say() -> None:
    codes = np.zeros((3, 8), np.float32)
    codes[1, :3] = 1.2
    codes[2, :3] = 1.5
    assert tiny_probes().code_scores(codes)[:, 0] == pytest.approx([-1.0, 1.2, 1.5])
    said = tiny_probes().judge_codes(codes)
    assert said.doubtful.tolist() == [[False] * 3, [True] * 3, [True] * 3]
    assert said.refused.tolist() == [[False] * 3, [False] * 3, [True, False, True]]


def test_the_same_probes_are_the_same_bytes() -> None:
    assert tiny_probes().to_bytes() == tiny_probes().to_bytes()


@pytest.mark.parametrize("damage", [b"", b"junk", tiny_probes().to_bytes()[:-9], tiny_probes().to_bytes()[9:]])
def test_damaged_probes_are_refused(damage: bytes) -> None:
    with pytest.raises(WeightsError, match="damaged"):
        FaultProbes.from_bytes(damage)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WeightsError, match=f"not of {len(WHOLE)} faults"):
        tiny_probes(whole=np.zeros((2, 8), np.float32))
    with pytest.raises(WeightsError, match="not finite"):
        tiny_probes(whole_bias=np.full(len(WHOLE), np.nan, np.float32))
    with pytest.raises(WeightsError, match="not finite"):
        tiny_probes(code_refused=np.full(len(CODE), np.nan, np.float32))
    for name in ("code_hidden", "code_along", "code_out", "code_doubt"):
        with pytest.raises(WeightsError, match="'code' do not fit"):
            tiny_probes(**{name: np.zeros((2, 2), np.float32)})
    with pytest.raises(ShapeError, match=r"codes take \[N, 8\], got \[2, 7\]"):
        tiny_probes().code_scores(np.zeros((2, 7)))
    with pytest.raises(ShapeError, match=r"take \[N, 8\], got \[2, 7\]"):
        tiny_probes().scores("whole", np.zeros((2, 7)))


def test_probes_are_shipped_for_the_default_model_and_its_weights_only(default_model: Model) -> None:
    probes = shipped_probes(DEFAULT_MODEL, default_model.origin)
    assert probes is not None
    assert set(probes.card.seen) == {*WHOLE, *EYES}
    assert shipped_probes(DEFAULT_MODEL, "f" * 16) is None
    assert shipped_probes("tiny", default_model.origin) is None


def test_damaged_shipped_probes_are_noticed(monkeypatch: pytest.MonkeyPatch, default_model: Model) -> None:
    shipped_probes.cache_clear()
    whole = FaultProbes.from_bytes
    monkeypatch.setattr(probes_module.FaultProbes, "from_bytes", lambda data: whole(data[:1000]))
    with pytest.raises(WeightsError, match="reinstall"):
        shipped_probes(DEFAULT_MODEL, default_model.origin)
    shipped_probes.cache_clear()
