"""Checkpoints of rosinality's stylegan2-pytorch: a dictionary of state dictionaries, saved by torch.save.

Its layers are the official ones under other names. Convolutions have an axis more in front, layers to colours keep
their bias as a picture, and the average style code is there only in checkpoints converted from TensorFlow.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.models.importers import torch_pickle
from nobodies.models.importers.networks import Networks
from nobodies.models.importers.torch_pickle import Archive, as_dict, is_tensor

Array = NDArray[Any]

NAMES: Final = torch_pickle.NAMES | {"argparse.Namespace"}
"""What may be named in such a checkpoint."""

_MAPPING: Final = re.compile(r"style\.(\d+)\.(weight|bias)")
_NOISE: Final = re.compile(r"noises\.noise_(\d+)")
_LAYER: Final = re.compile(r"(conv1|convs\.\d+|to_rgb1|to_rgbs\.\d+)\.(.+)")
_PARTS: Final = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}
_DISCRIMINATOR: Final = {
    "conv1.0.weight": "conv0.weight",
    "conv1.1.bias": "conv0.bias",
    "conv2.1.weight": "conv1.weight",
    "conv2.2.bias": "conv1.bias",
    "skip.1.weight": "skip.weight",
}
_EPILOGUE: Final = {
    "final_conv.0.weight": "b4.conv.weight",
    "final_conv.1.bias": "b4.conv.bias",
    "final_linear.0.weight": "b4.fc.weight",
    "final_linear.0.bias": "b4.fc.bias",
    "final_linear.1.weight": "b4.out.weight",
    "final_linear.1.bias": "b4.out.bias",
}


def matches(root: Any) -> bool:
    """Whether a checkpoint is one of this kind."""
    return isinstance(root, dict) and "g_ema" in root and "style.1.weight" in as_dict(root["g_ema"])


def read(archive: Archive) -> Networks:
    """Read the networks of a checkpoint.

    Raises:
        WeightsError: it is damaged.
    """

    def state(key: str) -> dict[str, Array]:
        values = as_dict(archive.root.get(key) or {})
        return {name: archive.tensor(value) for name, value in values.items()}

    generator = dict(_generator(state("g_ema")))
    if is_tensor(archive.root.get("latent_avg")):
        generator["mapping.w_avg"] = archive.tensor(archive.root["latent_avg"]).reshape(-1)
    return Networks(
        origin="a checkpoint of rosinality's stylegan2-pytorch",
        generator=generator,
        raw_generator=dict(_generator(state("g"))),
        discriminator=dict(_discriminator(state("d"))),
    )


def _generator(theirs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    for name, value in theirs.items():
        if match := _MAPPING.fullmatch(name):
            yield f"mapping.fc{int(match[1]) - 1}.{match[2]}", value
        elif match := _NOISE.fullmatch(name):
            yield f"{_convolution(int(match[1]) - 1)}.noise_const", value.reshape(value.shape[-2:])
        elif name == "input.input":
            yield "synthesis.b4.const", value[0]
        elif name.endswith("kernel"):
            yield _filter(name, value)
        elif (match := _LAYER.fullmatch(name)) and match[2] in _PARTS:
            yield f"{_layer(match[1])}.{_PARTS[match[2]]}", _shaped(_PARTS[match[2]], value)
        else:
            yield name, value  # refused by name later


def _convolution(index: int) -> str:
    """Name a convolution by its place behind the first one, which is -1."""
    return "synthesis.b4.conv1" if index < 0 else f"synthesis.b{8 << (index // 2)}.conv{index % 2}"


def _layer(theirs: str) -> str:
    kind, _, index = theirs.partition(".")
    if kind in ("conv1", "convs"):
        return _convolution(int(index) if index else -1)
    return f"synthesis.b{8 << int(index) if index else 4}.torgb"


def _shaped(part: str, value: Array) -> Array:
    match part:
        case "weight":
            return np.asarray(value[0])
        case "noise_strength":
            return value.reshape(())
        case "bias":
            return value.reshape(-1)
    return value


def _filter(name: str, value: Array) -> tuple[str, Array]:
    """Give a filter under an official name, where it is checked. One that doubles the side holds a gain of 4."""
    return f"{name.removesuffix('kernel')}resample_filter", value / np.float32(value.sum() or 1)


def _discriminator(theirs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    blocks = {int(name.split(".")[1]) for name in theirs if re.match(r"convs\.\d+\.", name)}
    largest = 4 << max(blocks, default=0)
    for name, value in theirs.items():
        if name in _EPILOGUE:
            yield _EPILOGUE[name], value
        elif name in ("convs.0.0.weight", "convs.0.1.bias"):
            yield f"b{largest}.fromrgb.{name.rpartition('.')[2]}", value
        elif (match := re.fullmatch(r"convs\.(\d+)\.(.+)", name)) and match[2] in _DISCRIMINATOR:
            yield f"b{largest >> (int(match[1]) - 1)}.{_DISCRIMINATOR[match[2]]}", value
