import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies import gate as gate_module
from nobodies.gate import Gate, gate_of
from nobodies.gate.seeing import AGE_BOX, EYES_BOX, WHOLE_BOX, Box
from nobodies.generator import Face, Generator
from nobodies.models import Store
from nobodies.settings import EngineSettings
from nobodies.vision import fetched
from tests.gate.stand_in import tiny_probes

SOUND = (53, 59, 79)
"""Default truncation, looked at by eye: nothing is wrong with these."""
SECOND_FACE = (2, 64, 149)
SEES_NOTHING = dict.fromkeys((WHOLE_BOX, EYES_BOX), 0.0)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[Box, float]:
    """What the first feature says of each part of every picture; nothing wrong unless a test changes it."""
    says = dict(SEES_NOTHING)

    def features(image: Image.Image, box: Box = WHOLE_BOX) -> NDArray[np.float32]:
        first: NDArray[np.float32] = np.eye(1, 8, dtype=np.float32)[0] * np.float32(says[box])
        return first

    monkeypatch.setattr(gate_module, "features", features)
    monkeypatch.setattr(gate_module, "age_of", lambda image: says.get(AGE_BOX, 40.0))
    return says


def _face(generator: Generator, *, fault: float = 2.0, glasses: float = 0.0, youth: float = 0.0) -> Face:
    """Give a face by the scores of its style code."""
    code = np.zeros(8, np.float32)
    code[:3] = [score if score > 1 else (score + 1) / 2 for score in (fault, glasses, youth)]
    return generator.face(w=code)


def test_a_sound_face_passes_and_a_faulty_one_is_counted(generator: Generator, seen: dict[Box, float]) -> None:
    gate = Gate(tiny_probes())
    assert gate.accepts(_face(generator))
    seen[WHOLE_BOX] = 1.5
    assert gate.faults(_face(generator)) == ("second_face",)
    assert not gate.accepts(_face(generator))
    assert (gate.num_refused, dict(gate.refused)) == (1, {"second_face": 1})


def test_pictures_are_looked_at_where_the_code_leaves_doubt(generator: Generator, seen: dict[Box, float]) -> None:
    seen |= {WHOLE_BOX: 1.5, EYES_BOX: 1.5, AGE_BOX: 16.0}
    gate = Gate(tiny_probes())
    assert gate.faults(_face(generator, fault=0.3)) == ()
    assert gate.faults(_face(generator, fault=0.5)) == ("second_face",)
    assert gate.faults(_face(generator, fault=0.3, glasses=0.5)) == ("glasses",)
    assert gate.faults(_face(generator, fault=0.3, youth=0.5)) == ("minor",)


def test_faces_that_look_like_minors_are_turned_away(generator: Generator, seen: dict[Box, float]) -> None:
    young = _face(generator, youth=1.2)
    seen[AGE_BOX] = 16.0
    assert Gate(tiny_probes()).faults(young) == ("minor",)
    assert Gate(tiny_probes(), adults_only=False).faults(young) == ()
    seen[AGE_BOX] = 22.0
    assert Gate(tiny_probes()).faults(young) == ()


def test_codes_are_screened_one_by_one_or_layer_by_layer() -> None:
    gate = Gate(tiny_probes())
    codes = np.zeros((4, 8), np.float32)
    codes[1, 0] = codes[2, 1] = codes[3, 2] = 1.5  # a fault, glasses, youth
    assert gate.screen(codes).tolist() == [True, False, True, False]
    assert Gate(tiny_probes(), adults_only=False).screen(codes).tolist() == [True, False, True, True]
    layers = np.repeat(codes[:, None], 5, axis=1)
    assert gate.screen(layers).tolist() == [True, False, True, False]


def test_a_model_without_probes_has_no_gate(generator: Generator) -> None:
    assert gate_of(generator) is None


@pytest.fixture(scope="module")
def real(user_store: Store) -> Generator:
    return Generator.load(engine=EngineSettings(precision="f32"), store=user_store)


@pytest.fixture
def real_gate(real: Generator, user_store: Store, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setattr(fetched, "Store", lambda: user_store)
    monkeypatch.setattr(gate_module, "Store", lambda: user_store)
    fetched.fault_net.cache_clear()
    gate = gate_of(real)
    assert gate is not None
    return gate


def test_second_faces_are_seen_in_real_pictures(real: Generator, real_gate: Gate) -> None:
    found = {face.seed: real_gate.faults(face) for face in real.faces([*SOUND, *SECOND_FACE])}
    assert {seed: found[seed] for seed in SOUND} == dict.fromkeys(SOUND, ())
    assert all("second_face" in found[seed] for seed in SECOND_FACE)


def test_a_face_is_judged_alike_at_any_size(real: Generator, real_gate: Gate) -> None:
    from nobodies.gate.seeing import features

    face = real.face(SECOND_FACE[0])
    large, small = (features(face.sized(size_px)) for size_px in (512, 256))
    assert large.shape == (1280 * 9,)
    assert np.corrcoef(large, small)[0, 1] > 0.97


def test_some_faces_at_random_are_screened_out_undrawn(real: Generator, real_gate: Gate) -> None:
    passed = real_gate.screen(np.stack([real.w(seed) for seed in range(5000, 5400)]))
    assert 0.6 < passed.mean() < 0.95
