"""Other people's weights, from their file to a picture."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from safetensors.numpy import save as to_safetensors

from nobodies.engines import open_engine
from nobodies.errors import ModelError, SettingError, WeightsError
from nobodies.generator import Generator
from nobodies.importing import import_model
from nobodies.models import Store
from nobodies.models.importers.files import default_name, read_networks
from nobodies.settings import EngineSettings
from tests import stylegan2

pytest.importorskip("torch")
from tests.models import foreign

KINDS = ("official-torch", "official-tensorflow", "rosinality", "rosinality-old", "safetensors")
PLAIN, CLASSES = "skip-resnet-32", "cond-16"
WRITERS: dict[str, Callable[[stylegan2.Fixture], bytes]] = {
    "official-torch": foreign.official_torch,
    "official-torch-2": lambda fixture: foreign.official_torch(fixture, protocol=2),
    "official-tensorflow": foreign.official_tensorflow,
    "rosinality": foreign.rosinality,
    "rosinality-old": lambda fixture: foreign.rosinality(fixture, zipped=False),
    "safetensors": lambda fixture: to_safetensors(
        {f"G_ema.{key}": each for key, each in fixture.generator.items()}
        | {f"D.{key}": each for key, each in fixture.discriminator.items()},
        metadata={"conv_clamp": json.dumps(fixture.config["conv_clamp"])},
    ),
    "generator-alone": lambda fixture: to_safetensors(
        fixture.generator, metadata={"conv_clamp": json.dumps(fixture.config["conv_clamp"])}
    ),
}
ALL = [(name, kind) for kind in WRITERS for name in (PLAIN, CLASSES) if not (name == CLASSES and "rosin" in kind)]


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_pictures_of_imported_weights_are_the_originals(name: str, kind: str, tmp_path: Path) -> None:
    fixture = stylegan2.load(name)
    path = tmp_path / "weights"
    path.write_bytes(WRITERS[kind](fixture))
    import_model(path, name="theirs", networks=tmp_path / "all.safetensors")
    model = Store().load("theirs")
    engine = open_engine(model, EngineSettings(precision="f32"), compiled_folder=None)
    w = np.concatenate(
        [engine.map(z[None], label=c) for z, c in zip(fixture.values["z"], fixture.labels, strict=True)]
    )
    assert stylegan2.relative_error(w, fixture.values["ws"][:, 0]) < 1e-4
    assert stylegan2.relative_error(engine.synthesize_float(fixture.values["ws"]), fixture.values["image"]) < 1e-4
    np.testing.assert_allclose(model.tensors["mapping.w_avg"], fixture.generator["mapping.w_avg"], rtol=1e-6)
    assert "not stated in the file" in str(model.description.licence_chain[0])
    assert "average style code computed" not in model.description.source


@pytest.mark.parametrize(("name", "kind"), [each for each in ALL if each[1] != "generator-alone"])
def test_all_networks_are_kept_for_training(name: str, kind: str, tmp_path: Path) -> None:
    fixture = stylegan2.load(name)
    path = tmp_path / "weights"
    path.write_bytes(WRITERS[kind](fixture))
    import_model(path, networks=tmp_path / "all.safetensors")
    kept = load_file(tmp_path / "all.safetensors")
    for prefix, tensors in (("G_ema.", fixture.generator), ("D.", fixture.discriminator)):
        for key, tensor in tensors.items():
            if "resample_filter" not in key:
                np.testing.assert_allclose(kept[f"{prefix}{key}"], tensor, rtol=1e-5, atol=1e-6, err_msg=key)
    if kind != "safetensors":
        raw = kept["G.synthesis.b4.const"]
        np.testing.assert_allclose(raw, fixture.generator["synthesis.b4.const"] + 1, rtol=1e-5)


def test_networks_written_out_can_be_imported_again(tmp_path: Path) -> None:
    fixture = stylegan2.load(CLASSES)
    (tmp_path / "first").write_bytes(foreign.official_torch(fixture))
    first = import_model(tmp_path / "first", name="same", networks=tmp_path / "all.safetensors")
    again = import_model(tmp_path / "all.safetensors", name="same")
    assert again.fingerprint == first.fingerprint
    assert again.description.network == first.description.network


def test_a_missing_average_is_computed(tmp_path: Path) -> None:
    fixture = stylegan2.load(PLAIN)
    (tmp_path / "a.pt").write_bytes(foreign.rosinality(fixture, average=False))
    model = import_model(tmp_path / "a.pt")
    assert "average style code computed from 10000 seeds" in model.description.source
    engine = open_engine(model, EngineSettings(precision="f32"), compiled_folder=None)
    codes = engine.map(np.random.default_rng(0).standard_normal((2000, engine.z_dim)).astype(np.float32))
    assert np.abs(codes.mean(0) - model.tensors["mapping.w_avg"]).max() < 0.2 * codes.std()


def test_half_precision_and_shared_storages_are_read(tmp_path: Path) -> None:
    import torch

    block = torch.arange(24.0).reshape(4, 6)
    state = {
        "synthesis.b4.const": block.t()[1:5, ::2],
        "half": block.half(),
        "brain": block.bfloat16(),
        "whole": block,
    }
    for zipped in (True, False):
        (tmp_path / "a.pt").write_bytes(foreign.torch_bytes(state, zipped=zipped))
        read = read_networks(tmp_path / "a.pt").generator
        for name, tensor in state.items():
            np.testing.assert_array_equal(read[name], tensor.float().numpy())


def _changed(change: Callable[[dict[str, stylegan2.Array]], object]) -> bytes:
    tensors = dict(stylegan2.load(PLAIN).generator)
    change(tensors)
    return to_safetensors(tensors)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "has 0 bytes"),
    "text": (lambda: b"hello, this is no file of weights", "no known file of weights"),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), "no known file of weights"),
    "pickle of something else": (lambda: b"\x80\x04K\x01.", "pickle of something else"),
    "zip of something else": (lambda: b"PK\x03\x04" + bytes(100), "damaged or cut short"),
    "checkpoint of something else": (lambda: foreign.torch_bytes({"model": {}}), "something else"),
    "lucidrains, empty": (lambda: foreign.torch_bytes({"GAN": {}, "version": "1"}), "lucidrains"),
    "missing tensor": (
        lambda: _changed(lambda each: each.pop("synthesis.b8.conv1.bias")),
        r"no 'synthesis\.b8\.conv1\.bias'",
    ),
    "missing block": (lambda: _changed(lambda each: each.pop("synthesis.b8.conv1.weight")), "sides"),
    "missing mapping": (
        lambda: _changed(lambda each: each.pop("mapping.fc0.weight")),
        "no whole StyleGAN2 generator",
    ),
    "wrong shape": (
        lambda: _changed(lambda each: each.update({"synthesis.b8.conv1.bias": np.zeros(3, np.float32)})),
        r"'synthesis\.b8\.conv1\.bias' is float32 \[3\]",
    ),
    "not finite": (
        lambda: _changed(lambda each: each.update({"mapping.w_avg": np.full(64, np.nan, np.float32)})),
        "not finite",
    ),
    "StyleGAN3": (
        lambda: _changed(lambda each: each.update({"synthesis.L0_36_512.weight": np.zeros(3, np.float32)})),
        "StyleGAN3",
    ),
    "resnet form": (
        lambda: _changed(lambda each: each.update({"synthesis.b8.skip.weight": np.zeros(3, np.float32)})),
        "'resnet' form",
    ),
    "another filter": (
        lambda: _changed(lambda each: each.update({"synthesis.b8.resample_filter": np.ones((4, 4), np.float32)})),
        "another filter",
    ),
    "unknown tensor": (
        lambda: _changed(lambda each: each.update({"synthesis.extra": np.zeros(3, np.float32)})),
        "'synthesis.extra'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_imported_is_one_line_and_leaves_nothing(case: str, tmp_path: Path, own_cache: Path) -> None:
    write, complaint = REFUSED[case]
    path = tmp_path / "theirs.bin"
    path.write_bytes(write())
    with pytest.raises(WeightsError, match=complaint) as refusal:
        import_model(path, networks=tmp_path / "all.safetensors")
    assert "\n" not in str(refusal.value)
    assert not (own_cache / "models").exists()
    assert not (tmp_path / "all.safetensors").exists()


@pytest.mark.parametrize(
    "kind", ["official-torch", "official-tensorflow", "rosinality", "rosinality-old", "safetensors"]
)
def test_a_file_cut_short_is_found_wherever_it_was_cut(kind: str, tmp_path: Path) -> None:
    whole = WRITERS[kind](stylegan2.load(PLAIN))
    path = tmp_path / "cut"
    for part in np.linspace(0, 0.999, 25):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(WeightsError):
            import_model(path, name="cut")


@pytest.mark.parametrize(
    "kind", ["official-torch", "official-tensorflow", "rosinality", "rosinality-old", "safetensors"]
)
def test_damaged_bytes_never_raise_anything_else(kind: str, tmp_path: Path) -> None:
    whole = WRITERS[kind](stylegan2.load(PLAIN))
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged"
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 20_000), 8):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(WeightsError):
            read_networks(path)


def test_names() -> None:
    assert default_name(Path("/x/stylegan2-ffhq-config-f.pkl")) == "stylegan2-ffhq-config-f"
    assert default_name(Path("my weights (1).pt")) == "my-weights-1"
    assert default_name(Path("...")) == "imported"


def test_a_name_of_the_catalogue_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="catalogue"):
        import_model(tmp_path / "x", name="mobile-ffhq-1024")


def test_an_imported_model_with_classes_makes_faces(tmp_path: Path) -> None:
    (tmp_path / "theirs.pkl").write_bytes(foreign.official_torch(stylegan2.load(CLASSES)))
    import_model(tmp_path / "theirs.pkl", name="theirs")
    generator = Generator.load("theirs")
    first, second = (generator.face(1, label=label) for label in (0, 1))
    assert first.recipe()["label"] == 0
    assert not np.array_equal(first.pixels, second.pixels)
    with pytest.raises(SettingError, match="this model has 5 classes"):
        generator.face(1)
