"""Taking in other people's weights: from a file of theirs to a model in the cache."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from nobodies.engines.mapping import MappingNetwork
from nobodies.errors import ModelError, WeightsError
from nobodies.files import write_atomic
from nobodies.latents import z_from_seeds
from nobodies.latents.random import uniforms
from nobodies.models import CATALOGUE, Model, Store, architectures
from nobodies.models.architectures.stylegan2 import StyleGan2
from nobodies.models.importers.files import default_name, read_model
from nobodies.models.importers.networks import Networks

NUM_CODES: Final = 10_000
"""Style codes to average where a file has no average."""
_NOISE_STREAM: Final = 7
"""Of seed 0; faces use others."""


def import_model(
    path: Path, *, name: str | None = None, store: Store | None = None, networks: Path | None = None
) -> Model:
    """Read a file of StyleGAN2 weights, which is recognised by its content, and put the model into the cache.

    Args:
        path: a pickle of the official TensorFlow or PyTorch release, rosinality's or lucidrains' .pt, or safetensors
            under the official names. Nothing in it is run.
        name: what to call the model; after the file if None.
        store: the cache of models; the user's own if None.
        networks: where to write all networks of the file, discriminator and unaveraged generator included, as
            safetensors with the prefixes "G_ema.", "G." and "D.", for further training; None for nowhere.

    Returns:
        The model.

    Raises:
        WeightsError: the file is of no known format, damaged, hostile, or of another architecture.
        ModelError: the name is taken by the catalogue, or is none.
        OutputError: the cache, or the file of networks, cannot be written.
    """
    name = name or default_name(path)
    if name in CATALOGUE:
        raise ModelError(f"'{name}' is a model of the catalogue: choose another name with '--name'")
    model, found = read_model(path, name)
    if networks is not None and found.form is not StyleGan2:
        raise WeightsError(
            f"{path.name} holds networks of another form than those that nobodies trains: leave '--networks' out"
        )
    if "mapping.w_avg" not in model.tensors:
        model = _with_average(model)
    model = _with_noise(model)
    model = (store or Store()).put(model)
    if networks is not None:
        write_atomic(networks, _all_networks(model, found))
    return model


def _with_average(model: Model) -> Model:
    """Compute the average style code, for truncation, from the first so many seeds; over all classes if there are."""
    sizes = architectures.read(model.description.network)
    mapping = MappingNetwork(sizes, model.tensors)
    total = np.zeros(sizes.w_dim, np.float64)
    for seed, z in enumerate(z_from_seeds(range(NUM_CODES), sizes.z_dim)):
        total += mapping(z[None], label=seed % sizes.c_dim if sizes.c_dim else None)[0]
    average = (total / NUM_CODES).astype(np.float32)
    note = f"{model.description.source}; average style code computed from {NUM_CODES} seeds"
    return Model(replace(model.description, source=note), {**model.tensors, "mapping.w_avg": average})


def _with_noise(model: Model) -> Model:
    """Draw one uniform noise map for all layers where the file has none, as lucidrains' program does per picture."""
    sizes = architectures.read(model.description.network)
    side = sizes.resolution
    missing = [each for each in sizes.noise_layers if f"{each[0]}.noise_const" not in model.tensors]
    if not missing:
        return model
    noise = (uniforms(0, side * side, stream=_NOISE_STREAM) - 0.5).reshape(side, side).T.astype(np.float32)
    maps = {f"{layer}.noise_const": noise[:size, :size].copy() for layer, size in missing}
    return Model(model.description, {**model.tensors, **maps})


def _all_networks(model: Model, found: Networks) -> bytes:
    from safetensors.numpy import save

    parts: dict[str, Any] = {"G_ema.": model.tensors, "G.": found.raw_generator, "D.": found.discriminator}
    tensors = {
        f"{prefix}{name}": np.ascontiguousarray(tensor).reshape(tensor.shape)
        for prefix, part in parts.items()
        for name, tensor in part.items()
    }
    clamp = model.description.network["conv_clamp"]
    return save(tensors, metadata={} if clamp is None else {"conv_clamp": str(clamp)})
