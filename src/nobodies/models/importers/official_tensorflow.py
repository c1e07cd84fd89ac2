"""Pickles of the official TensorFlow releases: a tuple G, D, Gs of network objects with their variables.

The objects carry the source code that builds them, which is read past and never run.

Variables are named by side and layer; weights have their axes in the order height, width, in, out. A kernel that
doubles the side is stored turned by 180 degrees against the PyTorch release. Biases of styles lack their 1.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.models.importers import numpy_pickle
from nobodies.models.importers.networks import Networks
from nobodies.models.importers.pickles import Record
from nobodies.models.importers.torch_pickle import as_dict

Array = NDArray[Any]

NETWORK: Final = "dnnlib.tflib.network.Network"
NAMES: Final = numpy_pickle.NAMES | {NETWORK, "dnnlib.util.EasyDict", "collections.OrderedDict", "_codecs.encode"}
"""What may be named in such a pickle."""

_MOST_COMPONENTS: Final = 8


def matches(root: Any) -> bool:
    """Whether a pickle is one of this kind."""
    return (
        isinstance(root, tuple | list)
        and len(root) == 3
        and all(isinstance(each, Record) and each.name == NETWORK for each in root)
    )


def read(root: tuple[Any, ...] | list[Any]) -> Networks:
    """Read the networks of a snapshot.

    Raises:
        WeightsError: it is damaged, or of another architecture.
    """
    raw, discriminator, averaged = (variables(each) for each in root)
    return Networks(
        origin="a pickle of the official TensorFlow release",
        generator=dict(_generator(averaged)),
        raw_generator=dict(_generator(raw)),
        discriminator=dict(_discriminator(discriminator)),
        conv_clamp=_clamp(root[2]),
    )


def variables(network: Record, prefix: str = "", *, depth: int = 0) -> dict[str, Array]:
    """Give the variables of a network and of its components by name.

    Raises:
        WeightsError: it is damaged.
    """
    state = as_dict(network.state)
    found = {}
    pairs, components = state.get("variables"), as_dict(state.get("components", {}))
    if not isinstance(pairs, list) or len(components) > _MOST_COMPONENTS or depth > 1:
        raise WeightsError("the pickle holds a network without variables: it is damaged or of another release")
    for pair in pairs:
        match pair:
            case (str() as name, value):
                found[f"{prefix}{name}"] = _array(value)
            case _:
                raise WeightsError("the pickle holds a variable without a name: it is damaged")
    for name, component in components.items():
        if not (isinstance(component, Record) and component.name == NETWORK):
            raise WeightsError(f"the network's component '{name}' is no network: the pickle is damaged")
        found |= variables(component, f"{prefix}{name}/", depth=depth + 1)
    return found


def _array(value: Any) -> Array:
    """Give an array, or a number as an array without axes."""
    if isinstance(value, Record) and value.name.endswith(".scalar"):
        return numpy_pickle.scalar(value)
    return numpy_pickle.array(value)


def _clamp(network: Record) -> float | None:
    clamp = as_dict(as_dict(network.state).get("static_kwargs", {})).get("conv_clamp")
    return float(clamp) if isinstance(clamp, int | float) and clamp > 0 else None


def _generator(theirs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    _name_others(theirs)
    for name, value in theirs.items():
        if name == "dlatent_avg":
            yield "mapping.w_avg", value
        elif match := re.fullmatch(r"mapping/(Dense(\d+)|LabelEmbed)/(weight|bias)", name):
            layer = "embed" if match[2] is None else f"fc{match[2]}"
            yield f"mapping.{layer}.{match[3]}", value.T
        elif match := re.fullmatch(r"synthesis/noise(\d+)", name):
            yield f"{_noise_layer(int(match[1]))}.noise_const", value[0, 0]
        elif match := re.fullmatch(r"synthesis/(\d+)x\1/(\w+)/(\w+)", name):
            yield from _synthesis(int(match[1]), match[2], match[3], value)


def _noise_layer(index: int) -> str:
    side = 4 << ((index + 1) // 2)
    return f"synthesis.b{side}.conv{1 if index % 2 == 0 else 0}"


_LAYERS: Final = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}


def _synthesis(side: int, layer: str, part: str, value: Array) -> Iterator[tuple[str, Array]]:
    block = f"synthesis.b{side}"
    if (layer, part) == ("Const", "const"):
        yield f"{block}.const", value[0]
        return
    ours = f"{block}.{_LAYERS.get(layer, layer)}"
    change: dict[str, tuple[str, Callable[[Array], Array]]] = {
        "weight": ("weight", lambda each: _kernel(each[::-1, ::-1] if layer in ("Conv0_up", "Skip") else each)),
        "bias": ("bias", np.asarray),
        "mod_weight": ("affine.weight", np.transpose),
        "mod_bias": ("affine.bias", lambda each: each + 1),
        "noise_strength": ("noise_strength", np.asarray),
    }
    if part in change:
        name, made = change[part][0], change[part][1](value)
        yield f"{ours}.{name}", made


def _discriminator(theirs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    for name, value in theirs.items():
        if match := re.fullmatch(r"(\d+)x\1/(FromRGB|Conv0|Conv1_down|Skip|Conv|Dense0)/(weight|bias)", name):
            layer = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Dense0": "fc"}
            yield f"b{match[1]}.{layer.get(match[2], match[2].lower())}.{match[3]}", _weight(value)
        elif match := re.fullmatch(r"Output/(weight|bias)", name):
            yield f"b4.out.{match[1]}", _weight(value)
        elif match := re.fullmatch(r"(LabelEmbed|Mapping(\d+))/(weight|bias)", name):
            layer_name = "embed" if match[2] is None else f"fc{match[2]}"
            yield f"mapping.{layer_name}.{match[3]}", _weight(value)


def _weight(value: Array) -> Array:
    return _kernel(value) if value.ndim == 4 else value.T


def _kernel(value: Array) -> Array:
    """Put the axes height, width, in, out into the order out, in, height, width."""
    if value.ndim != 4:
        raise WeightsError(f"a convolution's weight is {list(value.shape)}: it must have 4 axes")
    return value.transpose(3, 2, 0, 1)


def _name_others(theirs: Mapping[str, Array]) -> None:
    if any("StyleMod" in name or "/AdaIN" in name for name in theirs):
        raise WeightsError("the file holds a StyleGAN network of the first version: StyleGAN2 is read")
    if "mapping/LabelConcat/weight" in theirs:
        raise WeightsError(
            "the file holds a conditional network of the first StyleGAN2 release, which joins classes in another "
            "way: those of StyleGAN2-ADA are read"
        )
    if not any(name.startswith("synthesis/") for name in theirs):
        raise WeightsError("the file holds a network without synthesis, such as a progressive GAN: StyleGAN2 is read")
