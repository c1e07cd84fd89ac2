"""What the page in the browser reads from a face, and how it changes one."""

from pathlib import Path

import numpy as np
import pytest

from nobodies.engines import open_engine
from nobodies.exports import changing, onnx_graph, plan_for
from nobodies.latents import broadcast, truncate, z_from_seed
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.edits import Change, edit
from nobodies.models import Model
from nobodies.settings import EngineSettings
from tests.engines import tiny
from tests.exports.test_exports import psnr
from tests.tiny_attributes import tiny_attributes

SEED = 3


@pytest.fixture
def attributes(monkeypatch: pytest.MonkeyPatch) -> AttributeModel:
    plain = tiny_attributes()
    layers = np.full((len(plain.names), tiny.ARCHITECTURE.num_ws), 0.01, np.float32)
    layers[plain.index("yaw"), 1:4] = 1  # a turn of the head lies elsewhere than an age
    layers[plain.index("age"), 2:7] = 1
    layers /= layers.sum(1, keepdims=True)
    known = AttributeModel(plain.card, {**plain.arrays, "layers": layers})
    monkeypatch.setattr(changing, "_attributes", lambda model: known)
    return known


@pytest.fixture
def model() -> Model:
    average = np.random.default_rng(3).standard_normal(8).astype(np.float32)
    plain = tiny.tiny_model()
    return Model(plain.description, {**plain.tensors, "mapping.w_avg": average})


def test_the_graph_reads_the_age_and_takes_a_step(model: Model, attributes: AttributeModel) -> None:
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    num_ws = tiny.ARCHITECTURE.num_ws
    session = onnxruntime.InferenceSession(onnx_graph.build(changing.with_changes(plan_for(model))))
    z, shift = z_from_seed(SEED, 8)[None], np.linspace(-1, 1, 8 * num_ws, dtype=np.float32).reshape(1, num_ws, 8)
    image, age = session.run(["image", "age"], {"z": z, "psi": np.array(0.7, np.float32), "shift": shift})
    engine = open_engine(model, EngineSettings(precision="f32"), compiled_folder=None)
    w = truncate(broadcast(engine.map(z), engine.num_ws), model.tensors["mapping.w_avg"], psi=0.7)
    assert age[0, 0] == pytest.approx(attributes.predict(w)["age"][0], abs=1e-3)
    assert psnr(image, engine.synthesize_float(w + shift)) > 100


@pytest.mark.parametrize("change", [{"age": 10.0}, {"age": -5.0, "yaw": 7.0}, {"age": 30.0, "yaw": -25.0}])
def test_sliders_change_what_edits_change(model: Model, attributes: AttributeModel, change: dict[str, float]) -> None:
    described, num_ws = changing.describe(model), tiny.ARCHITECTURE.num_ws
    sliders = described["sliders"]
    scores = np.array([change.get(each["name"], 0.0) * each["scale"] for each in sliders])
    moves = np.array([[layer in each["layers"] for each in sliders] for layer in range(num_ws)])
    here = moves * scores
    longest = np.sqrt(np.einsum("lj,jk,lk->l", here, np.array(described["precision"]), here)).max()
    step = here @ np.array([each["direction"] for each in sliders]) * min(1.0, described["longest"] / longest)
    ws = np.zeros((num_ws, 8), np.float32)
    wanted = edit(attributes, ws, {name: Change(amount, relative=True) for name, amount in change.items()})
    np.testing.assert_allclose(step, wanted.ws, rtol=1e-3, atol=1e-4)


def test_all_texts_of_sliders_are_there() -> None:
    texts = (Path(changing.__file__).parent / "page" / "texts.js").read_text()
    for name in changing._SLIDERS:
        assert texts.count(f"{name}: ") == 2, f"{name} wants a text in each language"


def test_a_model_without_attributes_has_neither(model: Model) -> None:
    plan = plan_for(model)
    assert changing.with_changes(plan) is plan
    assert changing.describe(model) == {}
