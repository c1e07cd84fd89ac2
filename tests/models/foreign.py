"""Writes weights the way other people's programs do: same structure, same names, same axes."""

import io
import pickle
import re
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import torch

from tests.stylegan2 import Array, Fixture

SOURCE = "import os\nos.abort()  # source code that travels with the weights and must never run\n"


@contextmanager
def modules(**contents: Any) -> Iterator[None]:
    """Let names be found while they are pickled: `dnnlib__util={"EasyDict": ...}`."""
    made = {}
    for name, members in contents.items():
        module = ModuleType(name.replace("__", "."))
        for key, member in members.items():
            setattr(module, key, member)
            member.__module__, member.__qualname__ = module.__name__, key
        made[module.__name__] = module
        made.setdefault(module.__name__.split(".")[0], ModuleType(module.__name__.split(".")[0]))
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


def _reconstruct_persistent_obj(meta: Any) -> None:
    raise AssertionError("persistent objects must not be made")


class Persistent:
    """A module of the official PyTorch release."""

    def __init__(self, name: str, state: dict[str, Any]) -> None:
        self.name, self.state = name, state

    def __reduce__(self) -> Any:
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": self.name, "state": self.state}
        return _reconstruct_persistent_obj, (meta,)


def raised(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Make other weights, to tell the generator as it was trained from the averaged one."""
    return {key: each if "resample_filter" in key else each + 1 for key, each in tensors.items()}


def official_torch(fixture: Fixture, protocol: int = 4) -> bytes:
    """Pickle a snapshot as the official PyTorch release does."""

    class EasyDict(dict[str, Any]):
        pass

    clamp = fixture.config["conv_clamp"]
    generator = persistent_tree("Generator", fixture.generator, clamp)
    snapshot = {
        "training_set_kwargs": EasyDict(path="x.zip", resolution=32),
        "G": persistent_tree("Generator", raised(fixture.generator), clamp),
        "D": persistent_tree("Discriminator", fixture.discriminator, clamp),
        "G_ema": generator,
        "augment_pipe": None,
    }
    with modules(
        torch_utils__persistence={"_reconstruct_persistent_obj": _reconstruct_persistent_obj},
        dnnlib__util={"EasyDict": EasyDict},
    ):
        return pickle.dumps(snapshot, protocol)


def persistent_tree(name: str, tensors: Mapping[str, Array], clamp: float | None) -> Persistent:
    """Arrange tensors as modules within modules."""
    parameters: OrderedDict[str, Any] = OrderedDict()
    buffers: OrderedDict[str, Any] = OrderedDict()
    children: OrderedDict[str, Any] = OrderedDict()
    nested: dict[str, dict[str, Array]] = {}
    for key, values in tensors.items():
        head, _, rest = key.partition(".")
        tensor = torch.from_numpy(np.array(values))
        if rest:
            nested.setdefault(head, {})[rest] = values
        elif head in ("resample_filter", "noise_const", "w_avg"):
            buffers[head] = tensor
        else:
            parameters[head] = torch.nn.Parameter(tensor)
    for head, inner in nested.items():
        children[head] = persistent_tree("Layer", inner, clamp)
    state = {
        "training": False, "_parameters": parameters, "_buffers": buffers, "_modules": children,
        "_non_persistent_buffers_set": set(), "_backward_hooks": OrderedDict(), "conv_clamp": clamp,
    }  # fmt: skip
    return Persistent(name, state)


def official_tensorflow(fixture: Fixture) -> bytes:
    """Pickle a snapshot as the official TensorFlow release does."""

    class Network:
        def __init__(
            self, name: str, variables: Mapping[str, Any], components: Mapping[str, Any] | None = None
        ) -> None:
            self.state = {
                "version": 4, "name": name, "static_kwargs": {"conv_clamp": fixture.config["conv_clamp"]},
                "components": dict(components or {}), "build_module_src": SOURCE, "build_func_name": name,
                "variables": list(variables.items()),
            }  # fmt: skip

        def __getstate__(self) -> dict[str, Any]:
            return self.state

    def generator(tensors: Mapping[str, Array]) -> Network:
        theirs = dict(_tensorflow_generator(tensors))
        parts = {
            part: {key.removeprefix(f"{part}/"): each for key, each in theirs.items() if key.startswith(f"{part}/")}
            for part in ("mapping", "synthesis")
        }
        own = {key: each for key, each in theirs.items() if "/" not in key}
        return Network("G_main", own, {part: Network(f"G_{part}", each) for part, each in parts.items()})

    snapshot = (
        generator(raised(fixture.generator)),
        Network("D", dict(_tensorflow_discriminator(fixture.discriminator))),
        generator(fixture.generator),
    )
    with modules(dnnlib__tflib__network={"Network": Network}):
        return pickle.dumps(snapshot, 4)


def _tensorflow_generator(tensors: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    yield "lod", np.array(0, np.float32)
    for name, value in tensors.items():
        if "resample_filter" in name:
            continue
        if name == "mapping.w_avg":
            yield "dlatent_avg", value
        elif match := re.fullmatch(r"mapping\.(fc(\d)|embed)\.(\w+)", name):
            yield f"mapping/{f'Dense{match[2]}' if match[2] else 'LabelEmbed'}/{match[3]}", value.T
        elif match := re.fullmatch(r"synthesis\.b(\d+)\.(\w+)(?:\.(.+))?", name):
            side, layer, part = int(match[1]), match[2], match[3]
            folder = f"synthesis/{side}x{side}"
            index = 2 * int(np.log2(side)) - (5 if layer == "conv0" else 4)
            theirs = {"conv0": "Conv0_up", "conv1": "Conv" if side == 4 else "Conv1", "torgb": "ToRGB"}.get(layer, "")
            if layer == "const":
                yield f"{folder}/Const/const", value[None]
            elif part == "noise_const":
                yield f"synthesis/noise{index}", value[None, None]
            elif part == "weight":
                turned = value.transpose(2, 3, 1, 0)
                yield f"{folder}/{theirs}/weight", turned[::-1, ::-1] if layer == "conv0" else turned
            elif part == "affine.weight":
                yield f"{folder}/{theirs}/mod_weight", value.T
            elif part == "affine.bias":
                yield f"{folder}/{theirs}/mod_bias", value - 1
            else:
                yield f"{folder}/{theirs}/{part}", value


def _tensorflow_discriminator(tensors: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    layers = {
        "fromrgb": "FromRGB",
        "conv0": "Conv0",
        "conv1": "Conv1_down",
        "skip": "Skip",
        "conv": "Conv",
        "fc": "Dense0",
    }
    for name, value in tensors.items():
        if "resample_filter" in name:
            continue
        turned = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
        if match := re.fullmatch(r"b(\d+)\.(\w+)\.(\w+)", name):
            side, layer, part = match.groups()
            yield (f"Output/{part}" if layer == "out" else f"{side}x{side}/{layers[layer]}/{part}"), turned
        elif match := re.fullmatch(r"mapping\.(embed|fc(\d))\.(\w+)", name):
            yield f"{f'Mapping{match[2]}' if match[2] else 'LabelEmbed'}/{match[3]}", turned


def rosinality(fixture: Fixture, *, average: bool = True, zipped: bool = True) -> bytes:
    """Save a checkpoint as rosinality's program does."""
    import argparse

    generator = OrderedDict(_rosinality_generator(fixture.generator))
    checkpoint: dict[str, Any] = {
        "g": OrderedDict(_rosinality_generator(raised(fixture.generator))),
        "d": OrderedDict(_rosinality_discriminator(fixture.discriminator, fixture.config["resolution"])),
        "g_ema": generator,
        "g_optim": {
            "state": {0: {"step": 1, "exp_avg": torch.zeros(3)}},
            "param_groups": [{"lr": 0.002, "params": [0]}],
        },
        "args": argparse.Namespace(size=32),
        "ada_aug_p": 0.0,
    }
    if average:
        checkpoint["latent_avg"] = torch.from_numpy(fixture.generator["mapping.w_avg"])
    return torch_bytes(checkpoint, zipped=zipped)


def torch_bytes(value: Any, *, zipped: bool = True) -> bytes:
    """Save something as torch.save does, in the new format or the old one."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _rosinality_generator(tensors: Mapping[str, Array]) -> Iterator[tuple[str, torch.Tensor]]:
    parts = {
        "weight": "conv.weight", "affine.weight": "conv.modulation.weight", "affine.bias": "conv.modulation.bias",
        "noise_strength": "noise.weight", "bias": "activate.bias",
    }  # fmt: skip
    kernel = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 16
    for name, value in tensors.items():
        tensor = torch.from_numpy(np.array(value))
        if match := re.fullmatch(r"mapping\.fc(\d)\.(\w+)", name):
            yield f"style.{int(match[1]) + 1}.{match[2]}", tensor
        elif name == "synthesis.b4.const":
            yield "input.input", tensor[None]
        elif (match := re.fullmatch(r"synthesis\.b(\d+)\.(conv[01]|torgb)\.(.+)", name)) and match[
            3
        ] != "resample_filter":
            power = int(np.log2(int(match[1]))) - 3
            index = 2 * power + (match[2] == "conv1")
            if match[3] == "noise_const":
                yield f"noises.noise_{index + 1}", tensor[None, None]
            elif match[2] == "torgb":
                layer = "to_rgb1" if power < 0 else f"to_rgbs.{power}"
                if power >= 0 and match[3] == "weight":
                    yield f"{layer}.upsample.kernel", kernel
                shaped = {"weight": tensor[None], "bias": tensor[None, ..., None, None]}.get(match[3], tensor)
                yield f"{layer}.{'bias' if match[3] == 'bias' else parts[match[3]]}", shaped
            else:
                layer = "conv1" if power < 0 else f"convs.{index}"
                if match[2] == "conv0" and match[3] == "weight":
                    yield f"{layer}.conv.blur.kernel", kernel
                shaped = tensor[None] if match[3] in ("weight", "noise_strength") else tensor
                yield f"{layer}.{parts[match[3]]}", shaped


def _rosinality_discriminator(tensors: Mapping[str, Array], resolution: int) -> Iterator[tuple[str, torch.Tensor]]:
    epilogue = {"conv": "final_conv.{}", "fc": "final_linear.0", "out": "final_linear.1"}
    block = {"conv0": "conv1.{}", "conv1": "conv2.{}", "skip": "skip.1"}
    for name, value in tensors.items():
        tensor = torch.from_numpy(np.array(value))
        match = re.fullmatch(r"b(\d+)\.(\w+)\.(weight|bias)", name)
        if match is None:
            continue
        side, layer, part = int(match[1]), match[2], match[3]
        place = (0 if part == "weight" else 1) + (layer == "conv1")
        if layer == "fromrgb":
            yield f"convs.0.{place}.{part}", tensor
        elif side == 4:
            yield f"{epilogue[layer].format(place)}.{part}", tensor
        else:
            yield f"convs.{int(np.log2(resolution // side)) + 1}.{block[layer].format(place)}.{part}", tensor
