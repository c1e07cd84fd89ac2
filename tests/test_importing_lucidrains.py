"""Checkpoints of lucidrains' stylegan2-pytorch, from their file to a picture and out again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nobodies.engines import open_engine
from nobodies.errors import ModelError, WeightsError
from nobodies.exports import export
from nobodies.generator import Generator
from nobodies.importing import import_model
from nobodies.latents import broadcast, truncate, z_from_seed
from nobodies.models import Model, Store
from nobodies.models.importers.files import read_networks
from nobodies.settings import EngineSettings
from tests.stylegan2 import Array, relative_error

pytest.importorskip("torch")
import torch

from tests.exports.test_exports import RUNTIMES, psnr
from tests.models.foreign import torch_bytes
from tests.models.lucidrains import Networks

EXACT = EngineSettings(precision="f32")


@pytest.fixture(scope="module")
def theirs() -> Networks:
    return Networks()


@pytest.fixture
def model(theirs: Networks, tmp_path: Path) -> Model:
    (tmp_path / "model_150.pt").write_bytes(theirs.checkpoint())
    import_model(tmp_path / "model_150.pt", name="theirs")
    return Store().load("theirs")


def stored_noise(model: Model) -> Array:
    """Give the uniform map that stands behind the stored ones."""
    largest = model.tensors[f"synthesis.b{model.description.network['resolution']}.conv1.noise_const"]
    return np.ascontiguousarray(largest.T + np.float32(0.5))


def codes(theirs: Networks, num_blocks: int) -> Array:
    return np.random.default_rng(0).standard_normal((3, num_blocks, theirs.w_dim)).astype(np.float32)


def test_pictures_are_theirs(theirs: Networks, model: Model) -> None:
    engine = open_engine(model, EXACT, compiled_folder=None)
    ws = codes(theirs, engine.num_ws)
    assert engine.resolution == theirs.resolution
    drawn = engine.synthesize_float(ws)
    wanted = theirs.draw(ws, stored_noise(model))
    assert relative_error(drawn, wanted) < 1e-5
    plain = theirs.draw(ws, np.full_like(stored_noise(model), 0.5))
    assert relative_error(engine.synthesize_float(ws, noise="none"), plain) < 1e-5
    assert relative_error(plain, wanted) > 1e-2, "noise must be seen for this test to mean anything"


def test_style_codes_are_theirs(theirs: Networks, model: Model) -> None:
    engine = open_engine(model, EXACT, compiled_folder=None)
    z = np.stack([z_from_seed(seed, engine.z_dim) for seed in range(4)])
    assert relative_error(engine.map(z), theirs.map(z)) < 1e-5
    many = np.random.default_rng(0).standard_normal((4000, engine.z_dim)).astype(np.float32)
    assert np.abs(theirs.map(many).mean(0) - model.tensors["mapping.w_avg"]).max() < 0.1 * theirs.map(many).std()


def test_seeded_noise_is_as_strong_as_theirs(model: Model) -> None:
    engine = open_engine(model, EXACT, compiled_folder=None)
    ws = np.zeros((1, engine.num_ws, engine.w_dim), np.float32)
    plain = engine.synthesize_float(ws, noise="none")
    rng = np.random.default_rng(0)
    maps = [rng.standard_normal((size, size)).astype(np.float32) for size in engine.noise_sizes_px]
    seeded = engine.synthesize_float(ws, noise="seeded", noise_maps=maps) - plain
    assert 0.5 < seeded.std() / (engine.synthesize_float(ws) - plain).std() < 2


def test_both_formats_of_torch_give_the_same(theirs: Networks, model: Model, tmp_path: Path) -> None:
    (tmp_path / "old.pt").write_bytes(theirs.checkpoint(zipped=False))
    assert import_model(tmp_path / "old.pt", name="old").fingerprint == model.fingerprint


def test_it_makes_faces(model: Model) -> None:
    generator = Generator.load("theirs")
    first, again, second = (generator.face(seed) for seed in (1, 1, 2))
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, second.pixels)
    assert "'--lr-mlp' taken as 0.1" in model.description.source


@pytest.mark.parametrize("target", RUNTIMES)
def test_exports_draw_the_same(target: Any, model: Model, tmp_path: Path) -> None:
    if target != "openvino":
        pytest.importorskip({"onnx": "onnx"}.get(target, "torch"))
    engine = open_engine(model, EXACT, compiled_folder=None)
    z = np.stack([z_from_seed(seed, engine.z_dim) for seed in range(3)])
    ws = truncate(broadcast(engine.map(z), engine.num_ws), model.tensors["mapping.w_avg"], psi=0.7)
    folder = export(model, target, tmp_path / "out", batch=None)
    drawn = RUNTIMES[target](folder, {"z": z, "psi": np.array(0.7, np.float32)})
    assert psnr(drawn, engine.synthesize_float(ws)) > 100
    folder = export(model, target, tmp_path / "ws", batch=None, takes="ws")
    wanted = engine.synthesize_float(codes(Networks(), engine.num_ws))
    assert psnr(RUNTIMES[target](folder, {"ws": codes(Networks(), engine.num_ws)}), wanted) > 100


def _without(theirs: Networks, ending: str) -> Any:
    return {name: each for name, each in theirs.state().items() if not name.endswith(ending)}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "attention": ({"GE.attns.1.0.fn.g": torch.zeros(1)}, "attention layers"),
    "no constant": ({"GE.to_initial_block.weight": torch.zeros(16, 24, 4, 4)}, "begins with a style code"),
    "alpha": ({"GE.blocks.3.to_rgb.conv.weight": torch.zeros(4, 8, 1, 1)}, "with alpha"),
    "another filter": ({"GE.blocks.0.to_rgb.upsample.1.f": torch.tensor([1.0, 3, 1])}, "another filter than 1 2 1"),
    "unknown tensor": ({"GE.extra": torch.zeros(1)}, "has 'extra'"),
    "unknown in a block": ({"GE.blocks.0.extra": torch.zeros(1)}, r"has 'synthesis\.b4\.extra'"),
    "wrong shape": ({"GE.blocks.1.to_style1.bias": torch.zeros(3)}, r"b8\.conv0\.affine\.bias' is float32 \[3\]"),
    "constant of another shape": ({"GE.initial_block": torch.zeros(1, 5, 4, 4)}, "another shape"),
    "not finite": ({"GE.blocks.1.to_style1.bias": torch.full((24,), torch.nan)}, "not finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_forms_are_refused_by_name(case: str, theirs: Networks, tmp_path: Path) -> None:
    more, complaint = REFUSED[case]
    (tmp_path / "a.pt").write_bytes(theirs.checkpoint(**more))
    with pytest.raises(WeightsError, match=complaint) as refusal:
        import_model(tmp_path / "a.pt")
    assert "\n" not in str(refusal.value)
    with pytest.raises(ModelError, match="unknown model 'a'"):
        Store().load("a")


@pytest.mark.parametrize(
    ("ending", "complaint"),
    [
        ("initial_conv.weight", "early version"),
        ("blocks.0.to_noise1.weight", r"lacks a tensor.*blocks\.0\.to_noise1\.weight"),
        ("blocks.2.conv2.weight", "sides"),
        ("blocks.1.to_rgb.conv.weight", r"no 'synthesis\.b8\.torgb\.weight'"),
        ("net.0.weight", "mapping.fc0.weight"),
    ],
)
def test_missing_tensors_are_named(ending: str, complaint: str, theirs: Networks, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(torch_bytes({"GAN": _without(theirs, ending), "version": "1.8.9"}))
    with pytest.raises(WeightsError, match=complaint):
        import_model(tmp_path / "a.pt")


def test_checkpoints_without_a_version_are_older(theirs: Networks, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(torch_bytes({"GAN": theirs.state()}))
    with pytest.raises(WeightsError, match="early version"):
        read_networks(tmp_path / "a.pt")


def test_its_networks_are_none_to_train_on(theirs: Networks, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(theirs.checkpoint())
    with pytest.raises(WeightsError, match="leave '--networks' out"):
        import_model(tmp_path / "a.pt", networks=tmp_path / "all.safetensors")
    assert not (tmp_path / "all.safetensors").exists()
