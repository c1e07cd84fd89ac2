"""Pickles of the official PyTorch releases: StyleGAN2-ADA, and StyleGAN2 networks of the StyleGAN3 repository.

They hold "persistent" objects, which carry the source code of their class. It is read past and never run: what counts
is the state behind it, a tree of modules with their parameters and buffers.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.models.importers import numpy_pickle, torch_pickle
from nobodies.models.importers.networks import Networks
from nobodies.models.importers.pickles import Record
from nobodies.models.importers.torch_pickle import as_dict, is_tensor, tensor

PERSISTENT_OBJECT: Final = "torch_utils.persistence._reconstruct_persistent_obj"
_MOST_DEPTH: Final = 16

NAMES: Final = frozenset(
    {
        PERSISTENT_OBJECT,
        "dnnlib.util.EasyDict",
        "torch.nn.modules.container.ModuleDict",
        "torch.nn.modules.container.ModuleList",
        "torch.nn.modules.container.Sequential",
        "torch.float16",
        "torch.float32",
        "torch.device",
        "builtins.set",
        "__builtin__.set",
        "_codecs.encode",
        torch_pickle.NESTED,
    }
    | torch_pickle.NAMES
    | numpy_pickle.NAMES
)
"""What may be named in such a pickle."""


def matches(root: Any) -> bool:
    """Whether a pickle is one of this kind."""
    return (
        isinstance(root, dict) and isinstance(root.get("G_ema"), Record) and root["G_ema"].name == PERSISTENT_OBJECT
    )


def read(root: Mapping[str, Any]) -> Networks:
    """Read the networks of a snapshot.

    Raises:
        WeightsError: it is damaged.
    """
    found = {key: dict(_parameters(root[key], "", 0)) for key in ("G", "D", "G_ema") if root.get(key) is not None}
    return Networks(
        origin="a pickle of the official PyTorch release",
        generator=found["G_ema"],
        raw_generator=found.get("G", {}),
        discriminator=found.get("D", {}),
        conv_clamp=_clamp(root["G_ema"]),
    )


def _state(module: Any) -> Mapping[str, Any]:
    """Give the attributes of a module, persistent or of PyTorch itself."""
    if isinstance(module, Record) and module.name == PERSISTENT_OBJECT and module.args:
        return as_dict(as_dict(module.args[0]).get("state"))
    if isinstance(module, Record):
        return as_dict(module.state)
    raise WeightsError("the pickle holds something else where a network's module should be")


def _parameters(module: Any, prefix: str, depth: int) -> Iterator[tuple[str, NDArray[Any]]]:
    if depth > _MOST_DEPTH:
        raise WeightsError(f"the network's modules are nested more than {_MOST_DEPTH} deep: it is not StyleGAN2")
    state = _state(module)
    for kind in ("_parameters", "_buffers"):
        for name, value in as_dict(state.get(kind, {})).items():
            if is_tensor(value):
                yield f"{prefix}{name}", tensor(value)
    for name, child in as_dict(state.get("_modules", {})).items():
        if child is not None:
            yield from _parameters(child, f"{prefix}{name}.", depth + 1)


def _clamp(generator: Any) -> float | None:
    """Find the limit of activations, which is an attribute of every layer."""
    module = generator
    for name in ("synthesis", "b4", "conv1"):
        module = as_dict(_state(module).get("_modules", {})).get(name)
        if module is None:  # another architecture, which is named later
            return None
    clamp = _state(module).get("conv_clamp")
    if clamp is not None and not (isinstance(clamp, int | float) and clamp > 0):
        raise WeightsError("the network's conv_clamp is no number above 0")
    return None if clamp is None else float(clamp)
