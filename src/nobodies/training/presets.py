"""Named configurations to start from."""

import difflib
from dataclasses import dataclass, replace
from typing import Any, Final

from nobodies.errors import SettingError
from nobodies.networks.config import DiscriminatorConfig, GeneratorConfig
from nobodies.training.config import TrainingConfig, TrainingSettings

CORE: Final = "one core of an AMD EPYC (Zen 5) with bf16"
"""Where the costs of presets were measured. None was measured on a GPU."""


@dataclass(frozen=True)
class Cost:
    """What training takes on `CORE`: see `benchmarks/presets.py` and docs/results-training.md."""

    pictures_per_s: float
    """In processor time, all phases counted, each as often as the preset takes it."""
    memory_gb: float
    """Peak of the process."""
    chunk: int
    """Pictures at once when it was measured: the preset's own, or fewer where a CPU is no place for it."""

    def core_hours(self, total_kimg: float) -> float:
        """Processor time of a run of so many thousand pictures."""
        return total_kimg * 1000 / self.pictures_per_s / 3600


@dataclass(frozen=True)
class Preset:
    """A configuration, what it is for and what it costs."""

    title: str
    config: TrainingConfig
    cost: Cost


def _preset(
    title: str, *, cost: Cost, network: dict[str, Any], mapping_layers: int, latent: int = 512, **training: Any
) -> Preset:
    return Preset(
        title,
        cost=cost,
        config=TrainingConfig(
            generator=GeneratorConfig(**network, z_dim=latent, w_dim=latent, mapping_layers=mapping_layers),
            discriminator=DiscriminatorConfig(**network),
            training=TrainingSettings(**training),
        ),
    )


def _network(resolution: int, channel_base: int, channel_max: int = 512) -> dict[str, Any]:
    return {"resolution": resolution, "channel_base": channel_base, "channel_max": channel_max}


# The learning rates of StyleGAN2-ADA below 1024 px.
FAST: dict[str, Any] = {"g_learning_rate": 0.0025, "d_learning_rate": 0.0025}

PRESETS = {
    "face-32-cpu": _preset(
        "32 px, small, to see the whole way from pictures to faces in an afternoon on a CPU",
        cost=Cost(69.4, 0.5, 16),
        network=_network(32, 2048, 128), mapping_layers=2, latent=128,
        total_kimg=300.0, batch=16, chunk=16, r1_gamma=0.1, **FAST, ema_kimg=5.0, snapshot_kimg=10.0,
    ),
    "face-64-cpu": _preset(
        "64 px on a CPU, over a night or two",
        cost=Cost(16.2, 0.9, 16),
        network=_network(64, 4096, 256), mapping_layers=2, latent=256,
        total_kimg=600.0, batch=16, chunk=16, r1_gamma=0.3, **FAST, ema_kimg=5.0, snapshot_kimg=10.0,
    ),
    "face-64": _preset(
        "64 px with the full number of feature maps",
        cost=Cost(1.85, 2.4, 16),
        network=_network(64, 16384), mapping_layers=2,
        total_kimg=5000.0, batch=32, chunk=16, r1_gamma=0.2, **FAST, ema_kimg=10.0, snapshot_kimg=50.0,
    ),
    "face-128": _preset(
        "128 px, for one GPU",
        cost=Cost(1.15, 2.5, 8),
        network=_network(128, 16384), mapping_layers=2,
        total_kimg=10_000.0, batch=32, chunk=32, r1_gamma=0.5, **FAST, ema_kimg=10.0, snapshot_kimg=100.0,
    ),
    "face-256": _preset(
        "256 px, for one or a few GPUs",
        cost=Cost(0.75, 2.5, 4),
        network=_network(256, 16384), mapping_layers=8,
        total_kimg=25_000.0, batch=64, chunk=16, r1_gamma=1.0, **FAST,
        ema_kimg=20.0, ema_rampup=None, snapshot_kimg=200.0,
    ),
    "ffhq-1024": _preset(
        "1024 px, config F of the StyleGAN2 paper, for eight GPUs",
        cost=Cost(0.127, 4.3, 1),
        network=_network(1024, 32768), mapping_layers=8,
        total_kimg=25_000.0, batch=32, chunk=4, r1_gamma=10.0, ema_kimg=10.0, ema_rampup=None,
        augment="none", snapshot_kimg=200.0,
    ),
}  # fmt: skip


def find_preset(name: str) -> Preset:
    """Give the preset called `name`.

    Raises:
        SettingError: there is none; the message names the nearest.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.4)
    guess = f"did you mean {near[0]!r}? " if near else ""
    raise SettingError(f"unknown preset {name!r}: {guess}known are {', '.join(PRESETS)}")


def fit_to_data(config: TrainingConfig, *, img_channels: int, c_dim: int) -> TrainingConfig:
    """Change a configuration's picture channels and classes to those of a dataset."""
    return replace(
        config,
        generator=replace(config.generator, img_channels=img_channels, c_dim=c_dim),
        discriminator=replace(config.discriminator, img_channels=img_channels, c_dim=c_dim),
    )
