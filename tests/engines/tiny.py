"""A random generator small enough to compute by hand."""

import numpy as np

from nobodies.models import Description, Model
from nobodies.models.architectures.grid import TENSOR, TILE_PX
from nobodies.models.architectures.mobile_stylegan import Architecture, describe

ARCHITECTURE = Architecture(
    z_dim=8,
    w_dim=8,
    num_mapping_layers=2,
    resolution=64,
    channels={4: 16, 8: 16, 16: 8, 32: 8},
    lrelu_slope=0.2,
)


def tiny_model(seed: int = 0, architecture: Architecture = ARCHITECTURE) -> Model:
    """Give a model with random weights, scaled so that values stay around one."""
    rng = np.random.default_rng(seed)
    tensors = {
        name: _tensor(name, rng.standard_normal(shape).astype(np.float32))
        for name, shape in architecture.tensor_shapes()
    }
    described = Description(f"tiny-{seed}", "a random network", describe(architecture), "the tests", ())
    return Model(described, tensors)


def _tensor(
    name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if name.endswith("affine.bias"):
        return values * np.float32(0.2) + np.float32(1)
    if name.endswith((".bias", "noise_const")):
        return values * np.float32(0.1)
    fan_in = values[0].size if values.ndim > 1 and not name.endswith("const") else 1
    return values / np.float32(np.sqrt(fan_in))


def tiny_ws(count: int = 3, seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Give style codes, another for each layer."""
    shape = (count, ARCHITECTURE.num_ws, ARCHITECTURE.w_dim)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def tiny_noise(seed: int = 2) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Give standard normal noise maps."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((size, size)).astype(np.float32) for _, size in ARCHITECTURE.noise_layers]


def with_grid(model: Model, seed: int = 3) -> Model:
    """Give a model with a tensor that has the grid taken out of its pictures."""
    tile = np.random.default_rng(seed).standard_normal((3, TILE_PX, TILE_PX)).astype(np.float32)
    return Model(model.description, {**model.tensors, TENSOR: np.float32(0.02) * tile}, mend="made up")
