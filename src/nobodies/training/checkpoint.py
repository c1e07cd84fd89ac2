"""Snapshots: one safetensors file that holds a whole run, written atomically and read without running anything.

Tensors are named `generator.…`, `discriminator.…`, `g_ema.…`, `g_optimizer.<parameter>.<moment>`, `d_optimizer.…` and
`mean_path_length`. Everything else is JSON in the header: the configuration, the step and the augmentation. Random
states and the order of the data need no saving: they follow from seed and step.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from nobodies.errors import TrainingError, WeightsError
from nobodies.files import write_atomic
from nobodies.networks.config import GeneratorConfig
from nobodies.networks.generator import Generator
from nobodies.training.augment import AdaptiveStrength
from nobodies.training.config import TrainingConfig
from nobodies.training.state import TrainingState, fresh_state

FORMAT_VERSION: Final = 1
_HEADER: Final = "nobodies"
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Header:
    """What a snapshot says of itself."""

    config: TrainingConfig
    step: int
    augment: AdaptiveStrength


def save_snapshot(state: TrainingState, path: Path) -> None:
    """Write everything that a run needs to go on.

    Raises:
        OutputError: the file cannot be written; one of that name is untouched.
    """
    values = {
        "format_version": FORMAT_VERSION,
        "kind": "snapshot",
        "config": state.config.to_dict(),
        "step": state.step,
        "augment": asdict(state.augment),
    }
    write_atomic(path, to_bytes(dict(_tensors(state)), metadata={_HEADER: json.dumps(values)}))


def load_snapshot(
    path: Path, *, config: TrainingConfig | None = None, device: torch.device | None = None
) -> TrainingState:
    """Read a run back as it was.

    Args:
        path: of the snapshot.
        config: to go on with, of the same networks; the snapshot's own if not given.
        device: to train on; the CPU if not given.

    Raises:
        WeightsError: the file is damaged, or no snapshot of ours.
    """
    with _opened(path) as file:
        header = _header(file, path)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    state = fresh_state(config or header.config, device=device)
    for name, network in _networks(state):
        _fill(network, tensors, f"{name}.", path)
    for name, network, optimizer in _optimizers(state):
        _fill_optimizer(optimizer, network, tensors, f"{name}.", path)
    state.mean_path_length.copy_(tensors["mean_path_length"])
    state.step, state.augment = header.step, header.augment
    return state


def save_generator(generator: Generator, path: Path, *, num_pictures: int) -> None:
    """Write a generator alone, with its configuration.

    Raises:
        OutputError: the file cannot be written.
    """
    values = {
        "format_version": FORMAT_VERSION,
        "kind": "generator",
        "config": generator.config.to_dict(),
        "num_pictures": num_pictures,
    }
    tensors = {name: tensor.contiguous() for name, tensor in generator.state_dict().items()}
    write_atomic(path, to_bytes(tensors, metadata={_HEADER: json.dumps(values)}))


def load_generator(path: Path, *, device: torch.device | None = None) -> Generator:
    """Read a generator, or the averaged generator of a snapshot, ready to draw.

    Raises:
        WeightsError: the file is damaged, or not ours.
    """
    with _opened(path) as file:
        values = _header_values(file, path)
        in_snapshot = values.get("kind") == "snapshot"
        prefix = "g_ema." if in_snapshot else ""
        config = values["config"]["generator"] if in_snapshot else values["config"]
        tensors = {name: file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118
    generator = Generator(GeneratorConfig.from_dict(config))
    _fill(generator, tensors, prefix, path)
    return generator.eval().requires_grad_(False).to(device or torch.device("cpu"))


def transfer(state: TrainingState, path: Path) -> None:
    """Start a new run from the networks of another. Optimisers and counters start anew.

    Args:
        state: of the new run.
        path: a snapshot, or what `nobodies models import --networks` wrote.

    Raises:
        TrainingError: the snapshot's networks have another shape.
        WeightsError: the file is damaged, neither of the two, or imported networks have another shape.
    """
    with _opened(path) as file:
        names = [name for name in file.keys() if "optimizer." not in name]  # noqa: SIM118 - no mapping
        imported = any(name.startswith("G_ema.") for name in names)
        if not imported:
            _require_alike(state.config, _header(file, path).config, path)
        tensors = {name: file.get_tensor(name) for name in names}
    if imported:
        tensors = _under_our_names(tensors)
    for name, network in _networks(state):
        _fill(network, tensors, f"{name}.", path)


def _require_alike(ours: TrainingConfig, theirs: TrainingConfig, path: Path) -> None:
    """Refuse a transfer between networks of different shapes, and say which setting would mend it."""
    for part in ("generator", "discriminator"):
        here, there = getattr(ours, part).to_dict(), getattr(theirs, part).to_dict()
        for name in here:
            if here[name] != there[name]:
                raise TrainingError(
                    f"{path} cannot be transferred: its {part} has {name} {there[name]}, this run {here[name]}; "
                    f"give '--set {part}.{name}={there[name]}' or another snapshot"
                )


def _under_our_names(imported: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name imported networks as a snapshot does. What the trained generator lacks is taken from its average."""
    tensors: dict[str, Tensor] = {}
    for theirs, ours in (
        ("G_ema.", "g_ema."),
        ("G_ema.", "generator."),
        ("G.", "generator."),
        ("D.", "discriminator."),
    ):
        found = (name for name in imported if name.startswith(theirs))
        tensors |= {ours + name[len(theirs) :]: imported[name] for name in found}
    return tensors


def read_header(path: Path) -> Header:
    """Read configuration and step without the tensors.

    Raises:
        WeightsError: the file is damaged, or no snapshot of ours.
    """
    with _opened(path) as file:
        return _header(file, path)


def _networks(state: TrainingState) -> tuple[tuple[str, nn.Module], ...]:
    return ("generator", state.generator), ("discriminator", state.discriminator), ("g_ema", state.g_ema)


def _optimizers(state: TrainingState) -> tuple[tuple[str, nn.Module, torch.optim.Adam], ...]:
    return (
        ("g_optimizer", state.generator, state.g_optimizer),
        ("d_optimizer", state.discriminator, state.d_optimizer),
    )


def _tensors(state: TrainingState) -> Iterator[tuple[str, Tensor]]:
    for prefix, network in _networks(state):
        for name, tensor in network.state_dict().items():
            yield f"{prefix}.{name}", tensor.contiguous()
    for prefix, network, optimizer in _optimizers(state):
        for name, parameter in network.named_parameters():
            for moment, tensor in optimizer.state.get(parameter, {}).items():
                yield f"{prefix}.{name}.{moment}", tensor.contiguous()
    yield "mean_path_length", state.mean_path_length


def _fill(network: nn.Module, tensors: Mapping[str, Tensor], prefix: str, path: Path) -> None:
    """Copy tensors into a network, all of them or none. Filters are the same in all and may be missing."""
    wanted = network.state_dict()
    filters = {name: tensor for name, tensor in wanted.items() if name.endswith("resample_filter")}
    own = filters | {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    for name, tensor in wanted.items():
        if name not in own or own[name].shape != tensor.shape:
            came = "nothing" if name not in own else str(list(own[name].shape))
            raise WeightsError(
                f"{path}: {prefix}{name} is {came}, want {list(tensor.shape)}: the file is damaged or foreign"
            )
    network.load_state_dict(own)


def _fill_optimizer(
    optimizer: torch.optim.Adam, network: nn.Module, tensors: Mapping[str, Tensor], prefix: str, path: Path
) -> None:
    """Copy Adam's moments in, where the snapshot has them: it has none before a parameter's first step."""
    for name, parameter in network.named_parameters():
        found = {moment: tensors.get(f"{prefix}{name}.{moment}") for moment in _MOMENTS}
        if all(tensor is None for tensor in found.values()):
            continue
        for moment, tensor in found.items():
            if tensor is None or (moment != "step" and tensor.shape != parameter.shape):
                raise WeightsError(f"{path}: {prefix}{name}.{moment} is missing or misshapen: the file is damaged")
            if moment == "step":
                optimizer.state[parameter][moment] = tensor.to(parameter.device).clone()
            else:
                optimizer.state[parameter][moment] = torch.empty_like(parameter).copy_(tensor)  # in its layout


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read as safetensors ({error}): is it whole?") from error


def _header_values(file: Any, path: Path) -> dict[str, Any]:
    try:
        values = json.loads((file.metadata() or {})[_HEADER])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} was not written by nobodies train: give one of its snapshots") from error
    if not isinstance(values, dict) or values.get("format_version") != FORMAT_VERSION:
        raise WeightsError(f"{path} is of another version of nobodies: want format {FORMAT_VERSION}")
    return values


def _header(file: Any, path: Path) -> Header:
    values = _header_values(file, path)
    if values.get("kind") != "snapshot":
        raise WeightsError(f"{path} holds a generator alone: a run continues from 'snapshot-….safetensors'")
    return Header(
        TrainingConfig.from_dict(values["config"]), int(values["step"]), AdaptiveStrength(**values["augment"])
    )
