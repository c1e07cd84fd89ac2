"""All that changes while a run trains."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from nobodies.networks.discriminator import Discriminator
from nobodies.networks.generator import Generator
from nobodies.training.augment import AdaptiveStrength
from nobodies.training.config import TrainingConfig, TrainingSettings
from nobodies.training.randomness import derive_seed


@dataclass
class TrainingState:
    """Networks, optimisers and running values. The random state is no part of it: see `randomness`."""

    config: TrainingConfig
    generator: Generator
    discriminator: Discriminator
    g_ema: Generator
    g_optimizer: torch.optim.Adam
    d_optimizer: torch.optim.Adam
    mean_path_length: Tensor
    augment: AdaptiveStrength
    step: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def num_pictures(self) -> int:
        """Real pictures shown so far."""
        return self.step * self.config.training.batch

    @property
    def compute_dtype(self) -> torch.dtype:
        """Type that features are computed in."""
        return compute_dtype(self.config.training, self.device)


def fresh_state(config: TrainingConfig, *, device: torch.device | None = None) -> TrainingState:
    """Initialise networks and optimisers; the same seed gives the same start.

    Args:
        config: of the run.
        device: to train on; the CPU if not given.
    """
    device = device or torch.device("cpu")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.training.seed, "networks"))
        generator, discriminator = Generator(config.generator), Discriminator(config.discriminator)
    generator, discriminator = generator.to(device), discriminator.to(device)
    freeze(generator, discriminator, config.training)
    settings = config.training
    pl_every = settings.pl_interval if settings.pl_weight else None
    r1_every = settings.r1_interval if settings.r1_gamma else None
    return TrainingState(
        config=config,
        generator=generator,
        discriminator=discriminator,
        g_ema=copy.deepcopy(generator).eval().requires_grad_(False),
        g_optimizer=_adam(generator, settings, settings.g_learning_rate, every=pl_every),
        d_optimizer=_adam(discriminator, settings, settings.d_learning_rate, every=r1_every),
        mean_path_length=torch.zeros([], device=device),
        augment=AdaptiveStrength(p=settings.augment_p if settings.augment != "none" else 0.0),
        device=device,
    )


def compute_dtype(settings: TrainingSettings, device: torch.device) -> torch.dtype:
    """bf16 where asked for, or where it is native; else f32."""
    if settings.compute == "auto":
        return torch.bfloat16 if _has_native_bf16(device) else torch.float32
    return torch.bfloat16 if settings.compute == "bf16" else torch.float32


def _has_native_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(torch.cpu._is_avx512_bf16_supported())


def freeze(generator: Generator, discriminator: Discriminator, settings: TrainingSettings) -> None:
    """Mark what a transfer keeps as it is: those parameters are handed to no optimiser."""
    frozen: list[nn.Module] = [generator.mapping] if settings.freeze_mapping else []
    frozen += [
        generator.synthesis.get_submodule(name)
        for name in generator.synthesis.block_names[: settings.freeze_g_blocks]
    ]
    frozen += [discriminator.get_submodule(name) for name in discriminator.block_names[: settings.freeze_d_blocks]]
    for module in frozen:
        for parameter in module.parameters():
            parameter.frozen = True  # type: ignore[attr-defined]
            parameter.requires_grad_(False)


def trainable(network: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters of a network that its optimiser moves."""
    return (parameter for parameter in network.parameters() if not getattr(parameter, "frozen", False))


def _adam(
    network: nn.Module, settings: TrainingSettings, learning_rate: float, *, every: int | None
) -> torch.optim.Adam:
    """Adam, with its memory shortened to match the extra steps that lazy regularisation takes.

    Source: arXiv:1912.04958, appendix B, "lazy regularization".
    """
    ratio = 1.0 if every is None else every / (every + 1)
    return torch.optim.Adam(
        list(trainable(network)),
        lr=learning_rate * ratio,
        betas=(settings.beta1**ratio, settings.beta2**ratio),
        eps=1e-8,
        fused=True,
    )
