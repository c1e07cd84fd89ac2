"""Checkpoints of lucidrains' stylegan2-pytorch: a state dictionary of all networks, saved by torch.save.

`nobodies.models.architectures.lucidrains` says how its generator differs, and under which names it is kept here.
The learning rate of the mapping network is an option of that program and not in the file: its default is taken.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.models.architectures.lucidrains import Lucidrains
from nobodies.models.importers.networks import Networks
from nobodies.models.importers.torch_pickle import Archive, as_dict

Array = NDArray[Any]

_MAPPING_LR: Final = 0.1
_GENERATOR, _MAPPING = "GE.", "SE.net."
_BLOCK: Final = re.compile(r"blocks\.(\d{1,2})\.(.+)")
_LAYERS: Final = {"1": "conv0", "2": "conv1"}


def matches(root: Any) -> bool:
    """Whether a checkpoint is one of this kind."""
    return isinstance(root, dict) and "GAN" in root


def read(archive: Archive) -> Networks:
    """Read the averaged generator of a checkpoint. Its discriminator is another than ours and left out.

    Raises:
        WeightsError: it is damaged, or of a form that is not read.
    """
    version = archive.root.get("version")
    state = as_dict(archive.root["GAN"])
    theirs = {name: archive.tensor(value) for name, value in state.items() if name.startswith((_GENERATOR, _MAPPING))}
    generator = {name.removeprefix(_GENERATOR): each for name, each in theirs.items() if name.startswith(_GENERATOR)}
    _name_others(generator, version)
    mapping = {name.removeprefix(_MAPPING): each for name, each in theirs.items() if name.startswith(_MAPPING)}
    program = f"lucidrains' stylegan2-pytorch {str(version)[:20]}"
    return Networks(
        origin=f"a checkpoint of {program}, '--lr-mlp' taken as {_MAPPING_LR}",
        generator={**dict(_mapping(mapping)), **dict(_synthesis(generator))},
        form=Lucidrains,
    )


def _name_others(generator: Mapping[str, Array], version: Any) -> None:
    def refuse(what: str) -> None:
        raise WeightsError(f"the checkpoint of lucidrains' stylegan2-pytorch {what}: not read")

    if any(name.startswith("attns.") for name in generator):
        refuse("has attention layers ('--attn-layers')")
    if "to_initial_block.weight" in generator:
        refuse("begins with a style code instead of a constant ('--no-const')")
    if any(name.endswith("to_rgb.conv.weight") and len(each) == 4 for name, each in generator.items()):
        refuse("makes pictures with alpha ('--transparent')")
    if not isinstance(version, str) or "initial_conv.weight" not in generator:
        refuse("was saved by an early version, whose layers are others")


def _mapping(theirs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    for name, value in theirs.items():
        index, _, part = name.partition(".")
        gain = _MAPPING_LR
        if (index, part) == ("0", "weight"):
            # Theirs takes latent codes of length 1, ours of mean square 1.
            gain /= math.sqrt(value.shape[-1])
        yield f"mapping.fc{int(index) // 2 if index.isdecimal() else index}.{part}", value * np.float32(gain)


def _synthesis(theirs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    try:
        yield (
            "synthesis.b4.const",
            _convolved(theirs["initial_block"][0], theirs["initial_conv.weight"], theirs["initial_conv.bias"]),
        )
        for name, value in theirs.items():
            if match := _BLOCK.fullmatch(name):
                yield from _block(f"synthesis.b{4 << int(match[1])}", match[2], value, theirs)
            elif not name.startswith("initial_"):
                yield name, value  # refused by name later
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"the generator lacks a tensor, or has one of another shape ({error})") from error
    largest = max(int(match[1]) for name in theirs if (match := _BLOCK.fullmatch(name)))
    for index in range(largest + 1):
        # Pictures of theirs go from 0 to 1, ours from -1 to 1; only the last layer needs to move them.
        yield f"synthesis.b{4 << index}.torgb.bias", np.full(3, -1.0 if index == largest else 0.0, np.float32)


def _block(block: str, name: str, value: Array, theirs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    if match := re.fullmatch(r"(to_style|conv|to_noise)([12])\.(weight|bias)", name):
        kind, layer, part = match[1], f"{block}.{_LAYERS[match[2]]}", match[3]
        if kind == "to_style":
            yield f"{layer}.affine.{part}", _affine(value, part)
        elif kind == "conv":
            yield f"{layer}.{part}", value
        elif part == "weight":
            yield f"{layer}.noise_strength", value[:, 0]
        else:
            index = int(block.removeprefix("synthesis.b")).bit_length() - 3
            strengths = theirs[f"blocks.{index}.to_noise{match[2]}.weight"][:, 0]
            yield f"{layer}.bias", value + strengths / 2  # the mean of uniform noise
    elif match := re.fullmatch(r"to_rgb\.to_style\.(weight|bias)", name):
        yield f"{block}.torgb.affine.{match[1]}", _affine(value, match[1])
    elif name == "to_rgb.conv.weight":
        yield f"{block}.torgb.weight", value * np.float32(2 * math.sqrt(value.shape[1]))
    elif name == "to_rgb.upsample.1.f":
        if not np.array_equal(value, [1, 2, 1]):
            raise WeightsError(f"'{block} {name}' is another filter than 1 2 1: such networks are not read")
    else:
        yield f"{block}.{name}", value  # refused by name later


def _affine(value: Array, part: str) -> Array:
    """Cancel the gain of StyleGAN2's affine layers in a weight, and give a bias the 1 that is added to styles."""
    return value * np.float32(math.sqrt(value.shape[1])) if part == "weight" else value + np.float32(1)


def _convolved(x: Array, weight: Array, bias: Array) -> Array:
    """Correlate [C, H, W] with [O, C, 3, 3]; zeros lie beyond the edges."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
    y: Array = np.einsum("chwij,ocij->ohw", windows, weight) + bias[:, None, None]
    return y
