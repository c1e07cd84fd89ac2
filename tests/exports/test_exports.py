"""Each export is run in its own runtime and compared with the numbers of an independent implementation."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest

from nobodies.engines import open_engine
from nobodies.errors import DependencyError, OutputError, SettingError
from nobodies.exports import export
from nobodies.latents import broadcast, truncate, z_from_seed
from nobodies.models import Model
from nobodies.settings import EngineSettings
from tests import stylegan2
from tests.engines import tiny

ONE = np.array(1.0, np.float32)


def run_onnx(folder: Path, feed: dict[str, Any]) -> Any:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return session.run(["image"], feed)[0]


def run_openvino(folder: Path, feed: dict[str, Any]) -> Any:
    compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(feed)["image"]


def run_program(folder: Path, feed: dict[str, Any]) -> Any:
    torch = pytest.importorskip("torch")
    program = torch.export.load(folder / "model.pt2").module()
    return program(*(torch.from_numpy(each) for each in feed.values())).detach().numpy()


RUNTIMES: dict[Any, Any] = {"onnx": run_onnx, "openvino": run_openvino, "exported-program": run_program}


def psnr(ours: Any, wanted: Any) -> float:
    """Agreement in dB against the range of what was wanted."""
    return float(10 * np.log10(np.ptp(wanted) ** 2 / np.mean((ours - wanted.astype(np.float64)) ** 2)))


@pytest.fixture(autouse=True)
def need_what_the_target_needs(request: pytest.FixtureRequest) -> None:
    for module, words in (("torch", "exported-program"), ("onnx", "onnx")):
        if words in request.node.name:
            pytest.importorskip(module)


@pytest.mark.parametrize("target", RUNTIMES)
@pytest.mark.parametrize("name", stylegan2.NAMES)
@pytest.mark.parametrize("batch", [None, 4])
def test_pictures_from_latent_codes_are_the_originals(
    target: Any, name: str, batch: int | None, tmp_path: Path
) -> None:
    fixture = stylegan2.load(name)
    folder = export(fixture.model(), target, tmp_path / "out", batch=batch)
    label = {"label": fixture.values["c"]} if fixture.config["c_dim"] else {}
    drawn = RUNTIMES[target](folder, {"z": fixture.values["z"], **label, "psi": ONE})
    assert psnr(drawn, fixture.values["image"]) > 100
    truncated = RUNTIMES[target](folder, {"z": fixture.values["z"], **label, "psi": np.array(0.7, np.float32)})
    assert psnr(truncated, fixture.values["image_psi07"]) > 100
    card = (folder / "README.md").read_text()
    assert "float32 ['N', " in card
    assert "## Where it comes from" in card


@pytest.mark.parametrize("target", RUNTIMES)
def test_pictures_from_style_codes_are_the_originals(target: Any, tmp_path: Path) -> None:
    fixture = stylegan2.load("skip-resnet-32")
    folder = export(fixture.model(), target, tmp_path / "out", takes="ws", batch=None)
    assert psnr(RUNTIMES[target](folder, {"ws": fixture.values["ws"]}), fixture.values["image"]) > 100


@pytest.fixture(params=["as it comes", "mended"])
def tiny_case(request: pytest.FixtureRequest) -> tuple[Model, Any, Any]:
    """A MobileStyleGAN, latent codes, and the engine's pictures of them at psi 0.5."""
    model = _with_average(tiny.tiny_model())
    if request.param == "mended":
        model = tiny.with_grid(model)
    z = np.stack([z_from_seed(seed, 8) for seed in range(3)])
    return model, z, _drawn(model, z, 0.5)


@pytest.mark.parametrize("target", RUNTIMES)
def test_a_mobile_network_is_exported_too(target: Any, tiny_case: tuple[Model, Any, Any], tmp_path: Path) -> None:
    model, z, wanted = tiny_case
    folder = export(model, target, tmp_path / "out", batch=None)
    assert psnr(RUNTIMES[target](folder, {"z": z, "psi": np.array(0.5, np.float32)}), wanted) > 100


@pytest.mark.parametrize("target", ["onnx", "openvino"])
def test_half_the_size_is_close(target: Any, tmp_path: Path) -> None:
    fixture = stylegan2.load("skip-resnet-32")
    whole = export(fixture.model(), target, tmp_path / "whole")
    half = export(fixture.model(), target, tmp_path / "half", half=True)
    sizes = [sum(each.stat().st_size for each in folder.glob("model.*")) for folder in (whole, half)]
    assert sizes[1] < 0.75 * sizes[0]
    feed = {"z": fixture.values["z"][:1], "psi": ONE}
    assert psnr(RUNTIMES[target](half, feed), fixture.values["image"][:1]) > 50


@pytest.mark.slow
@pytest.mark.parametrize("target", RUNTIMES)
def test_the_default_model_agrees_with_the_engine(target: Any, default_model: Model, tmp_path: Path) -> None:
    folder = export(default_model, target, tmp_path / "out")
    z = z_from_seed(1, 512)[None]
    drawn = RUNTIMES[target](folder, {"z": z, "psi": np.array(0.7, np.float32)})
    assert psnr(drawn, _drawn(default_model, z, 0.7)) > 60


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        export(stylegan2.load("cond-16").model(), "openvino", tmp_path / "out")
    assert (tmp_path / "out" / "mine").read_text() == "mine"


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        export(stylegan2.load("cond-16").model(), "openvino", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_needs_more_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"needs onnx: run 'pip install \"nobodies\[onnx\]\"'"):
        export(stylegan2.load("cond-16").model(), "onnx", tmp_path / "out")


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": "tflite"},
        {"takes": "w"},
        {"batch": 0},
        {"target": "exported-program", "half": True},
        {"target": "litert", "batch": None},
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        export(stylegan2.load("cond-16").model(), **{"target": "onnx", "folder": tmp_path / "out", **wrong})
    assert list(tmp_path.iterdir()) == []


def _with_average(model: Model) -> Model:
    average = np.random.default_rng(3).standard_normal(8).astype(np.float32)
    return Model(model.description, {**model.tensors, "mapping.w_avg": average})


def _drawn(model: Model, z: Any, psi: float) -> Any:
    engine = open_engine(model, EngineSettings(precision="f32"), compiled_folder=None)
    ws = truncate(broadcast(engine.map(z), engine.num_ws), model.tensors["mapping.w_avg"], psi=psi)
    return engine.synthesize_float(ws)
