"""Taking in other people's weights: from a file of theirs to a model in the cache."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from nobodies.engines.mapping import MappingNetwork
from nobodies.errors import ModelError
from nobodies.files import write_atomic
from nobodies.latents import z_from_seed
from nobodies.models import CATALOGUE, Model, Store, architectures
from nobodies.models.importers.files import default_name, read_model
from nobodies.models.importers.networks import Networks

NUM_CODES: Final = 10_000
"""Style codes to average where a file has no average."""


def import_model(
    path: Path, *, name: str | None = None, store: Store | None = None, networks: Path | None = None
) -> Model:
    """Read a file of StyleGAN2 weights, which is recognised by its content, and put the model into the cache.

    Args:
        path: a pickle of the official TensorFlow or PyTorch release, rosinality's .pt, or safetensors under the
            official names. Nothing in it is run.
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
    if "mapping.w_avg" not in model.tensors:
        model = _with_average(model)
    model = (store or Store()).put(model)
    if networks is not None:
        write_atomic(networks, _all_networks(model, found))
    return model


def _with_average(model: Model) -> Model:
    """Compute the average style code, for truncation, from the first so many seeds; over all classes if there are."""
    sizes = architectures.read(model.description.network)
    mapping = MappingNetwork(sizes, model.tensors)
    total = np.zeros(sizes.w_dim, np.float64)
    for seed in range(NUM_CODES):
        label = seed % sizes.c_dim if sizes.c_dim else None
        total += mapping(z_from_seed(seed, sizes.z_dim)[None], label=label)[0]
    average = (total / NUM_CODES).astype(np.float32)
    note = f"{model.description.source}; average style code computed from {NUM_CODES} seeds"
    return Model(replace(model.description, source=note), {**model.tensors, "mapping.w_avg": average})


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
