"""Reader of the weights in the PyPI package random-face: MobileStyleGAN at 1024 px as two OpenVINO graphs.

The graphs are read as data. Nothing of the package's own code is used, and nothing is run.

What is changed on the way to the native format (see `nobodies.models.architectures.mobile_stylegan`), none of it
visible in pictures: gains that follow an activation, and those of equalised learning rate, are folded into the
weights beside them; the channels that enter a Haar transform are put in block order.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError

Array = NDArray[np.float32]

W_AVG_PATH: Final = Path(__file__).with_name("random_face.w_avg.npy")
"""The average style code, float32 [512]."""

_FOLDER: Final = Path("random_face") / "data"
_CHANNELS: Final = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64}
_CONFIG: Final[dict[str, Any]] = {
    "architecture": "mobile-stylegan",
    "z_dim": 512,
    "w_dim": 512,
    "num_mapping_layers": 8,
    "resolution": 1024,
    "channels": {str(size): width for size, width in _CHANNELS.items()},
    "lrelu_slope": 0.2,
}
_MOST_BYTES: Final = {".xml": 8 << 20, ".bin": 256 << 20}


def convert(folder: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Give the weights in the native format, complete with the average style code.

    The author did not publish that code. It comes with nobodies, computed once by tools/compute_w_avg.py, so that
    truncation gives the same style codes to the bit everywhere.

    Args:
        folder: as for `read`.

    Returns:
        Architecture and sizes as JSON values, and tensors by name. The same bytes on every machine.

    Raises:
        WeightsError: as for `read`.
    """
    network, tensors = read(folder)
    return network, tensors | {"mapping.w_avg": np.load(W_AVG_PATH, allow_pickle=False)}


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the two graphs.

    Args:
        folder: one that holds MappingNetwork and SynthesisNetwork, .xml and .bin, or into which the wheel was
            unpacked. Only these four files are opened.

    Returns:
        Architecture and sizes as JSON values, and the tensors that the architecture needs, by name.

    Raises:
        WeightsError: a file is missing, truncated, or not of this package.
    """
    folder = folder / _FOLDER if (folder / _FOLDER).is_dir() else folder
    try:
        mapping, synthesis = (_read(folder / f"{name}Network.xml") for name in ("Mapping", "Synthesis"))
        tensors = dict([*_mapping_tensors(mapping), *_synthesis_tensors(synthesis)])
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(
            f"{folder} holds graphs that are not those of random-face 2021.7.21.1 ({error}): get that wheel"
        ) from error
    return dict(_CONFIG), {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()}


@dataclass(frozen=True, slots=True)
class _Layer:
    """A product with weights and what follows it, up to the activation."""

    weight: Array
    added: list[Array]
    """Constants added to the product, in order."""


@dataclass(frozen=True, slots=True)
class _Graph:
    """What is needed of a graph: its constants by name, its products in order."""

    constants: Mapping[str, Array]
    layers: tuple[_Layer, ...]


def _read(path: Path) -> _Graph:
    for part in (path, path.with_suffix(".bin")):
        if not part.is_file():
            raise WeightsError(f"there is no {part.name} in {part.parent}: give the unpacked wheel of random-face")
        if part.stat().st_size > _MOST_BYTES[part.suffix]:
            raise WeightsError(f"{part} is over {_MOST_BYTES[part.suffix]} bytes: it is not of random-face")
    import openvino

    try:
        nodes = openvino.Core().read_model(path).get_ordered_ops()
    except RuntimeError as error:
        raise WeightsError(f"{path} and its .bin are damaged or no OpenVINO graph: fetch them again") from error
    constants = {node.get_friendly_name(): np.array(node.data) for node in nodes if _kind(node) == "Constant"}
    product = "Convolution" if any(_kind(node) == "Convolution" for node in nodes) else "MatMul"
    return _Graph(constants, tuple(_layer(node) for node in nodes if _kind(node) == product))


def _kind(node: Any) -> str:
    return str(node.get_type_name())


def _layer(node: Any) -> _Layer:
    weight = _second_input(node)
    added = []
    while (follower := _only_follower(node)) is not None and _kind(follower) == "Add":
        node = follower
        added.append(_second_input(node))
    return _Layer(weight, added)


def _second_input(node: Any) -> Array:
    source = node.input(1).get_source_output().get_node()
    if _kind(source) != "Constant":
        raise ValueError(f"node {node.get_friendly_name()} has no constant input")
    return np.array(source.data)


def _only_follower(node: Any) -> Any:
    targets = list(node.output(0).get_target_inputs())
    return targets[0].get_node() if len(targets) == 1 else None


def _mapping_tensors(graph: _Graph) -> Iterator[tuple[str, Array]]:
    # Every layer ends in a gain of sqrt(2) behind its leaky ReLU, which commutes with a positive factor.
    gain = np.float32(math.sqrt(2.0))
    if len(graph.layers) != _CONFIG["num_mapping_layers"]:
        raise ValueError(f"{len(graph.layers)} mapping layers")
    for index, layer in enumerate(graph.layers):
        yield f"mapping.fc{index}.weight", gain * _shaped(layer.weight, 512, 512)
        yield f"mapping.fc{index}.bias", gain * _shaped(layer.added[0], 512)


def _synthesis_tensors(graph: _Graph) -> Iterator[tuple[str, Array]]:
    sizes = sorted(_CHANNELS)
    if len(graph.layers) != 2 * len(sizes):
        raise ValueError(f"{len(graph.layers)} convolutions")
    layers = iter(graph.layers)
    yield "synthesis.b4.const", _shaped(graph.constants["m.input.input"], _CHANNELS[4], 4, 4)
    order = _block_order(_CHANNELS[4])
    yield from _convolution(graph, "m.conv1", "synthesis.b4.conv1", next(layers), order, kernel_size=3)
    for index, (below, size) in enumerate(pairwise(sizes)):
        theirs, ours = f"m.layers.{index}", f"synthesis.b{size}"
        yield from _affine(graph, f"{theirs}.up", f"{ours}.up", order=_block_order(_CHANNELS[below]))
        order = _block_order(_CHANNELS[size]) if size != sizes[-1] else np.arange(_CHANNELS[size])
        for number, outputs in ((1, np.arange(_CHANNELS[size])), (2, order)):
            names = f"{theirs}.conv{number}", f"{ours}.conv{number - 1}"
            yield from _convolution(graph, *names, next(layers), outputs, kernel_size=1)
            kernels = graph.constants[f"{names[0]}.conv.weight_dw"]
            yield f"{names[1]}.depthwise.weight", _shaped(kernels, -1, 1, 3, 3)
    yield from _to_rgb(graph, f"m.layers.{len(sizes) - 2}.to_img", next(layers))


def _convolution(
    graph: _Graph, theirs: str, ours: str, layer: _Layer, order: NDArray[np.intp], *, kernel_size: int
) -> Iterator[tuple[str, Array]]:
    inputs, outputs = layer.weight.shape[1], len(order)
    yield from _affine(graph, f"{theirs}.conv", ours, gain=_fan_in_gain(inputs, 3))
    noise, bias = layer.added
    part = "weight" if kernel_size == 3 else "pointwise.weight"
    yield f"{ours}.{part}", _shaped(layer.weight, outputs, inputs, kernel_size, kernel_size)[order]
    yield f"{ours}.bias", _shaped(bias, outputs)[order]
    yield f"{ours}.noise_const", _shaped(noise, noise.shape[-1], noise.shape[-1])


def _to_rgb(graph: _Graph, theirs: str, layer: _Layer) -> Iterator[tuple[str, Array]]:
    order = _block_order(12)
    inputs = layer.weight.shape[1]
    yield from _affine(graph, f"{theirs}.conv", "synthesis.torgb", gain=_fan_in_gain(inputs, 1))
    yield "synthesis.torgb.weight", _shaped(layer.weight, 12, inputs, 1, 1)[order]
    yield "synthesis.torgb.bias", _shaped(layer.added[0], 12)[order]


def _affine(
    graph: _Graph, theirs: str, ours: str, *, order: NDArray[np.intp] | slice = slice(None), gain: float = 1.0
) -> Iterator[tuple[str, Array]]:
    weight, bias = (graph.constants[f"{theirs}.modulation.{part}"] for part in ("weight", "bias"))
    yield f"{ours}.affine.weight", np.float32(gain) * _shaped(weight, -1, 512)[order]
    yield f"{ours}.affine.bias", np.float32(gain) * _shaped(bias, -1)[order]


def _fan_in_gain(channels: int, kernel_size: int) -> float:
    """Equalised learning rate, arXiv:1710.10196, section 4.1."""
    return 1.0 / math.sqrt(channels * kernel_size * kernel_size)


def _block_order(channels: int) -> NDArray[np.intp]:
    """Where the channels of a Haar transform lie, listed in block order: LL, LH, HL, HH.

    The package keeps all LL channels first and then, for each of them, LH, HL and HH side by side.
    """
    low = np.arange(channels // 4)
    return np.concatenate([low, *(low.size + 3 * low + band for band in range(3))])


def _shaped(tensor: Array, *shape: int) -> Array:
    return tensor.reshape(shape)
