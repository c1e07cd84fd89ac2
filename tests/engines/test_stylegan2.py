"""StyleGAN2 on the engine, against the numbers of an independent implementation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nobodies.engines.openvino import OpenVinoEngine
from nobodies.engines.openvino.cuts import Cuts
from nobodies.errors import SettingError, WeightsError
from nobodies.models import Model
from nobodies.models.architectures.stylegan2 import StyleGan2, describe, read
from nobodies.settings import EngineSettings
from tests import stylegan2

EXACT = EngineSettings(precision="f32")


@pytest.fixture(scope="module", params=stylegan2.NAMES)
def fixture(request: pytest.FixtureRequest) -> stylegan2.Fixture:
    return stylegan2.load(request.param)


@pytest.fixture(scope="module")
def engine(fixture: stylegan2.Fixture) -> OpenVinoEngine:
    return OpenVinoEngine(fixture.model(), EXACT)


@pytest.mark.parametrize("coarse_to_px", [4, 8, 1024])
def test_pictures_are_the_originals(fixture: stylegan2.Fixture, coarse_to_px: int) -> None:
    engine = OpenVinoEngine(fixture.model(), EXACT, cuts=Cuts(coarse_to_px=coarse_to_px))
    values = fixture.values
    assert stylegan2.relative_error(engine.synthesize_float(values["ws"]), values["image"]) < 1e-5
    plain = engine.synthesize_float(values["ws"], noise="none")
    assert stylegan2.relative_error(plain, values["image_no_noise"]) < 1e-5


def test_styles_are_the_originals(fixture: stylegan2.Fixture, engine: OpenVinoEngine) -> None:
    for z, label, wanted in zip(fixture.values["z"], fixture.labels, fixture.values["ws"], strict=True):
        assert stylegan2.relative_error(engine.map(z[None], label=label)[0], wanted[0]) < 1e-5


def test_bytes_are_the_floats_rounded(fixture: stylegan2.Fixture, engine: OpenVinoEngine) -> None:
    floats = engine.synthesize_float(fixture.values["ws"]).transpose(0, 2, 3, 1)
    pictures = engine.synthesize(fixture.values["ws"])
    assert np.abs(np.clip(floats * 127.5 + 127.5, 0, 255) - pictures).max() < 0.501


def test_given_noise_takes_the_place_of_the_stored(fixture: stylegan2.Fixture, engine: OpenVinoEngine) -> None:
    stored = [fixture.generator[f"{layer}.noise_const"] for layer, _ in fixture.architecture.noise_layers]
    drawn = engine.synthesize_float(fixture.values["ws"], noise="seeded", noise_maps=stored)
    assert stylegan2.relative_error(drawn, fixture.values["image"]) < 1e-5


def test_auto_precision_is_close(fixture: stylegan2.Fixture, engine: OpenVinoEngine) -> None:
    auto = OpenVinoEngine(fixture.model(), EngineSettings(precision="auto"), cuts=Cuts(coarse_to_px=4))
    assert stylegan2.relative_error(auto.synthesize_float(fixture.values["ws"]), fixture.values["image"]) < 0.05


def test_classes_are_asked_for_where_there_are_any() -> None:
    engine = OpenVinoEngine(stylegan2.load("cond-16").model(), EXACT)
    z = np.zeros((1, engine.z_dim), np.float32)
    for label in (None, 5, -1):
        with pytest.raises(SettingError, match="this model has 5 classes; choose 0 to 4"):
            engine.map(z, label=label)
    plain = OpenVinoEngine(stylegan2.load("skip-resnet-32").model(), EXACT)
    with pytest.raises(SettingError, match="has no classes"):
        plain.map(np.zeros((1, plain.z_dim), np.float32), label=1)


def test_grey_networks_give_grey_pictures() -> None:
    model = stylegan2.load("skip-resnet-32").model()
    grey = {
        name: each[:1] if ".torgb." in name and "affine" not in name else each for name, each in model.tensors.items()
    }
    network = {**model.description.network, "img_channels": 1}
    engine = OpenVinoEngine(Model(replace(model.description, network=network), grey), EXACT)
    picture = engine.synthesize(np.zeros((1, engine.num_ws, engine.w_dim), np.float32))
    assert np.array_equal(picture[..., 0], picture[..., 1])
    assert np.array_equal(picture[..., 0], picture[..., 2])
    assert picture.std() > 1


def test_an_architecture_survives_json(fixture: stylegan2.Fixture) -> None:
    sizes: StyleGan2 = fixture.architecture
    assert read(describe(sizes)) == sizes


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"resolution": 64}, "channels are given for sides"),
        ({"z_dim": 0}, "z_dim is 0"),
        ({"img_channels": 4}, "img_channels is 4"),
        ({"conv_clamp": -1}, "conv_clamp is -1"),
        ({"c_dim": True}, "c_dim is True"),
        ({"channels": {"4": 32, "x": 8}}, "cannot be read"),
        ({"extra": 1}, "unknown or missing entries: extra"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(WeightsError, match=complaint):
        read(describe(stylegan2.load("skip-resnet-32").architecture) | change)
