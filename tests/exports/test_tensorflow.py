"""TensorFlow and LiteRT; run where the extra 'tensorflow' is installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nobodies.engines import open_engine
from nobodies.exports import export
from nobodies.models import Description, Model
from nobodies.models.architectures.lucidrains import Lucidrains
from nobodies.models.architectures.stylegan2 import describe
from nobodies.settings import EngineSettings
from tests import stylegan2
from tests.exports.test_exports import psnr
from tests.exports.test_exports import tiny_case as tiny_case

tf = pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
ONE = np.array(1.0, np.float32)


def run_tensorflow(folder: Path, feed: dict[str, Any]) -> Any:
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return signature(**{name: tf.constant(each) for name, each in feed.items()})["image"].numpy()


def run_litert(folder: Path, feed: dict[str, Any]) -> Any:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(folder / "model.tflite"))
    return interpreter.get_signature_runner()(**feed)["image"]


RUNTIMES: dict[Any, Any] = {"tensorflow": run_tensorflow, "litert": run_litert}


@pytest.mark.parametrize(("target", "batch"), [("tensorflow", None), ("tensorflow", 4), ("litert", 4)])
@pytest.mark.parametrize("name", stylegan2.NAMES)
def test_pictures_are_the_originals(target: Any, batch: int | None, name: str, tmp_path: Path) -> None:
    fixture = stylegan2.load(name)
    label = {"label": fixture.values["c"]} if fixture.config["c_dim"] else {}
    folder = export(fixture.model(), target, tmp_path / "out", batch=batch)
    drawn = RUNTIMES[target](folder, {"z": fixture.values["z"], **label, "psi": ONE})
    assert psnr(drawn, fixture.values["image"]) > 100
    folder = export(fixture.model(), target, tmp_path / "ws", batch=batch, takes="ws")
    assert psnr(RUNTIMES[target](folder, {"ws": fixture.values["ws"]}), fixture.values["image"]) > 100


@pytest.mark.parametrize("target", RUNTIMES)
def test_a_mobile_network_is_exported_too(target: Any, tiny_case: tuple[Model, Any, Any], tmp_path: Path) -> None:
    model, z, wanted = tiny_case
    folder = export(model, target, tmp_path / "out", batch=len(z))
    assert psnr(RUNTIMES[target](folder, {"z": z, "psi": np.array(0.5, np.float32)}), wanted) > 100


@pytest.mark.parametrize("target", RUNTIMES)
def test_the_operations_of_lucidrains_are_those_of_the_engine(target: Any, tmp_path: Path) -> None:
    model = random_model()
    folder = export(model, target, tmp_path / "out", takes="ws", batch=2)
    engine = open_engine(model, EngineSettings(precision="f32"), compiled_folder=None)
    ws = np.random.default_rng(1).standard_normal((2, engine.num_ws, engine.w_dim)).astype(np.float32)
    assert psnr(RUNTIMES[target](folder, {"ws": ws}), engine.synthesize_float(ws)) > 100


def random_model() -> Model:
    """A generator of lucidrains' form with random weights."""
    sizes = Lucidrains(16, 16, 0, 2, 32, {4: 16, 8: 16, 16: 8, 32: 8})
    rng = np.random.default_rng(0)
    tensors = {name: rng.standard_normal(shape).astype(np.float32) / 4 for name, shape in sizes.tensor_shapes()}
    return Model(Description("theirs", "", describe(sizes), "the tests", ()), tensors)
