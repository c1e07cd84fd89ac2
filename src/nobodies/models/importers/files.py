"""Recognises a file of weights by its content, and reads its networks. Nothing in the file is run."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from nobodies.errors import WeightsError
from nobodies.models.architectures.stylegan2 import describe
from nobodies.models.catalogue import LicenceLink
from nobodies.models.importers import lucidrains, official_tensorflow, official_torch, rosinality
from nobodies.models.importers.networks import (
    Networks,
    Tensors,
    architecture_of,
    check_complete,
    made_here,
    without_filters,
)
from nobodies.models.importers.pickles import Record, read_pickle
from nobodies.models.importers.torch_pickle import Archive, as_dict, mapped, read_archive
from nobodies.models.native import Description, Model

FORMATS: Final = (
    "pickles of the official TensorFlow and PyTorch releases, rosinality's and lucidrains' .pt, "
    "or safetensors under the official names"
)
_TORCH: Final = (b"PK\x03\x04", b"\x80\x02\x8a\x0a")
"""How archives of torch.save begin: the zip format, and the magic number of the old one."""
_PICKLE: Final = b"\x80"
_MOST_HEADER_BYTES: Final = 16 << 20
_PREFIXES: Final = (
    ("G_ema.", "G.", "D."),
    ("g_ema.", "generator.", "discriminator."),
    ("G.", "", "D."),
)
"""Of averaged generator, generator and discriminator, in safetensors that hold several networks."""

LICENCE: Final = LicenceLink(
    "the weights and what they were trained on",
    "whoever made them",
    "not stated in the file",
    "find out where the file comes from before you use it; the official weights are Nvidia Source Code License-NC",
)


def read_networks(path: Path) -> Networks:
    """Read the networks of a file of weights.

    Args:
        path: see `FORMATS`.

    Raises:
        WeightsError: it is of no known format, damaged, hostile, or of another architecture.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}: give {FORMATS}")
    data = mapped(path)
    head = bytes(data[:9])
    try:
        if 2 <= int.from_bytes(head[:8], "little") <= min(len(data), _MOST_HEADER_BYTES) and head[8:] == b"{":
            return _of_safetensors(path)
        if head.startswith(_TORCH):
            return _of_archive(read_archive(data, rosinality.NAMES))
        if head.startswith(_PICKLE):
            return _of_pickle(read_pickle(data, official_torch.NAMES | official_tensorflow.NAMES)[0])
    except WeightsError as error:
        raise WeightsError(f"{path.name} cannot be imported: {error}") from error
    raise WeightsError(f"{path.name} is no known file of weights: wanted {FORMATS}")


def read_model(path: Path, name: str) -> tuple[Model, Networks]:
    """Read a file of weights as a model that engines can run.

    Args:
        path: see `FORMATS`.
        name: what to call it.

    Returns:
        The model, made of the averaged generator; and all networks of the file. What the file lacks and
        `made_here` names is in neither.

    Raises:
        WeightsError: as for `read_networks`, or the generator is incomplete.
    """
    networks = read_networks(path)
    try:
        networks = replace(
            networks,
            generator=without_filters(networks.generator),
            raw_generator=without_filters(networks.raw_generator),
            discriminator=without_filters(networks.discriminator),
        )
        tensors = networks.generator
        sizes = architecture_of(networks)
        stand_ins = {name: np.zeros(shape, np.float32) for name, shape in made_here(sizes).items()}
        check_complete(sizes, {**stand_ins, **tensors})
    except WeightsError as error:
        raise WeightsError(f"{path.name} cannot be imported: {error}") from error
    title = f"StyleGAN2 at {sizes.resolution} px" + (f", {sizes.c_dim} classes" if sizes.c_dim else "")
    source = f"{path.name}, {networks.origin}"
    return Model(Description(name, title, describe(sizes), source, (LICENCE,)), dict(tensors)), networks


def _of_archive(archive: Archive) -> Networks:
    root = archive.root
    if rosinality.matches(root):
        return rosinality.read(archive)
    if lucidrains.matches(root):
        return lucidrains.read(archive)
    state = root.items if isinstance(root, Record) else root
    if isinstance(state, dict) and any("synthesis.b4.const" in str(name) for name in state):
        return _by_prefix(
            {name: archive.tensor(value) for name, value in as_dict(root).items()}, "a state dictionary"
        )
    raise WeightsError(f"it is a PyTorch checkpoint of something else: wanted {FORMATS}")


def _of_pickle(root: Any) -> Networks:
    if official_torch.matches(root):
        return official_torch.read(root)
    if official_tensorflow.matches(root):
        return official_tensorflow.read(root)
    raise WeightsError(f"it is a pickle of something else: wanted {FORMATS}")


def _of_safetensors(path: Path) -> Networks:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys() if "optimizer." not in name}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise WeightsError(f"it is no safetensors file that can be read ({error})") from error
    networks = _by_prefix(tensors, "safetensors under the official names")
    return replace(networks, conv_clamp=_noted_clamp(metadata))


def _by_prefix(tensors: Tensors, origin: str) -> Networks:
    for averaged, raw, discriminator in _PREFIXES:
        if f"{averaged}synthesis.b4.const" in tensors:
            rest = _part(tensors, raw) if raw else {}
            return Networks(origin, _part(tensors, averaged), rest, _part(tensors, discriminator))
    return Networks(origin, tensors)


def _part(tensors: Tensors, prefix: str) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _noted_clamp(metadata: Mapping[str, str]) -> float | None:
    """Find the limit of activations in what our own training, or someone else, noted beside the tensors."""
    text = metadata.get("conv_clamp") or metadata.get("nobodies") or "null"
    try:
        noted = json.loads(text)
    except ValueError:
        return None
    if isinstance(noted, dict):
        config = noted.get("config", {})
        noted = (config.get("generator", config) or {}).get("conv_clamp")
    return float(noted) if isinstance(noted, int | float) else None


def default_name(path: Path) -> str:
    """Make a name for a model from that of its file."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.")[:64] or "imported"
