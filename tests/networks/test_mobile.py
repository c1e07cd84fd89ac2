"""The student agrees with the engine's slow twin and hands gradients through."""

import numpy as np
import pytest
import torch

from nobodies.engines import open_engine
from nobodies.engines.mapping import MappingNetwork
from nobodies.engines.reference import inverse_haar as reference_haar
from nobodies.engines.reference import synthesize
from nobodies.errors import ShapeError, WeightsError
from nobodies.models import Model
from nobodies.models.architectures.grid import TENSOR, TILE_PX
from nobodies.models.architectures.grid import without_grid as twin_without_grid
from nobodies.models.architectures.mobile_stylegan import Architecture, describe
from nobodies.networks.mobile import MobileGenerator, inverse_haar, load_mobile, without_grid
from nobodies.settings import EngineSettings

SMALL = Architecture(
    z_dim=6, w_dim=6, num_mapping_layers=2, resolution=32, channels={4: 16, 8: 16, 16: 8}, lrelu_slope=0.2
)


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in SMALL.tensor_shapes()}


def test_pictures_equal_the_engines_twin(tensors: dict[str, np.ndarray]) -> None:
    student = load_mobile(describe(SMALL), tensors)
    assert set(student.state_dict()) == set(tensors)
    ws = np.random.default_rng(1).normal(0, 1, (2, SMALL.num_ws, SMALL.w_dim)).astype(np.float32)
    with torch.no_grad():
        ours = student.synthesis(torch.from_numpy(ws)).numpy()
    for picture, styles in zip(ours, ws, strict=True):
        expected = synthesize(SMALL, tensors, styles)
        np.testing.assert_allclose(picture, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_the_grid_is_taken_out_as_in_the_engines_twin(tensors: dict[str, np.ndarray]) -> None:
    tile = np.random.default_rng(5).normal(0, 0.05, (3, TILE_PX, TILE_PX)).astype(np.float32)
    whole = {**tensors, TENSOR: tile}
    ws = np.random.default_rng(1).normal(0, 1, (2, SMALL.num_ws, SMALL.w_dim)).astype(np.float32)
    with torch.no_grad():
        ours = load_mobile(describe(SMALL), whole).synthesis(torch.from_numpy(ws)).numpy()
    for picture, styles in zip(ours, ws, strict=True):
        expected = synthesize(SMALL, whole, styles)
        np.testing.assert_allclose(picture, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_pictures_of_several_blocks_lose_each_its_own_pattern() -> None:
    picture = np.random.default_rng(6).normal(0, 0.3, (3, 256, 256))
    tile = np.random.default_rng(5).normal(0, 0.05, (3, TILE_PX, TILE_PX)).astype(np.float32)
    ours = without_grid(torch.from_numpy(picture)[None], torch.from_numpy(tile))[0].numpy()
    np.testing.assert_allclose(ours, twin_without_grid(picture, tile), atol=1e-9)


def test_mapping_equals_the_engines(tensors: dict[str, np.ndarray]) -> None:
    z = np.random.default_rng(2).normal(0, 1, (3, 6)).astype(np.float32)
    with torch.no_grad():
        ours = load_mobile(describe(SMALL), tensors).mapping(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(ours, MappingNetwork(SMALL, tensors)(z), rtol=1e-4, atol=1e-5)


def test_haar() -> None:
    x = torch.randn(2, 8, 3, 3, dtype=torch.float64)
    ours = inverse_haar(x)
    for picture, subbands in zip(ours, x, strict=True):
        np.testing.assert_allclose(picture, reference_haar(subbands.numpy()), atol=1e-12)
    assert ours.square().sum() == pytest.approx(x.square().sum().item())


def test_gradients_reach_every_parameter_and_the_code() -> None:
    student = MobileGenerator(SMALL)
    z = torch.randn(2, 6, requires_grad=True)
    student(z).square().mean().backward()
    assert z.grad is not None
    assert all(parameter.grad is not None for parameter in student.parameters())


def test_refusals(tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(ShapeError, match="wants"):
        MobileGenerator(SMALL).synthesis(torch.zeros(1, 2, 6))
    with pytest.raises(WeightsError, match=r"synthesis\.torgb\.bias"):
        load_mobile(describe(SMALL), {name: each for name, each in tensors.items() if name != "synthesis.torgb.bias"})


def test_the_default_model_draws_as_in_the_engine(default_model: Model) -> None:
    student = load_mobile(default_model.description.network, default_model.tensors)
    engine = open_engine(default_model, EngineSettings(precision="f32"), compiled_folder=None)
    z = np.random.default_rng(3).normal(0, 1, (1, engine.z_dim)).astype(np.float32)
    ws = np.repeat(engine.map(z)[:, None], engine.num_ws, axis=1)
    expected = engine.synthesize_float(ws)
    with torch.no_grad():
        ours = student(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-3 * np.abs(expected).max())
