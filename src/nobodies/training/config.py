"""Everything that decides how a run trains, as frozen values that travel as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nobodies.errors import SettingError
from nobodies.networks.config import DiscriminatorConfig, GeneratorConfig
from nobodies.settings import Settings, described, setting

AugmentMode = Literal["none", "fixed", "adaptive"]
ComputeType = Literal["auto", "bf16", "f32"]

AUGMENT_PARTS = ("flip", "blit", "geometry", "colour", "filter", "noise", "cutout")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How a run trains, but for its networks."""

    seed: int = setting(0, "everything random in the run follows from it", minimum=0, maximum=2**63 - 1)
    total_kimg: float = setting(25_000.0, "stop after so many thousand real pictures were shown", minimum=0.0)
    batch: int = setting(32, "pictures a step, over all processes", minimum=1, maximum=65_536)
    chunk: int = setting(
        32, "pictures at once in one process; a batch of several chunks adds their gradients up", minimum=1
    )
    g_learning_rate: float = setting(0.002, "learning rate of the generator", minimum=0.0, maximum=1.0)
    d_learning_rate: float = setting(0.002, "learning rate of the discriminator", minimum=0.0, maximum=1.0)
    beta1: float = setting(0.0, "Adam: memory of the gradient", minimum=0.0, maximum=0.999)
    beta2: float = setting(0.99, "Adam: memory of its square", minimum=0.0, maximum=0.9999)
    r1_gamma: float = setting(10.0, "weight of R1; higher is steadier and blander", minimum=0.0)
    r1_interval: int = setting(16, "apply R1 every so many steps", minimum=1)
    pl_weight: float = setting(2.0, "weight of the path-length penalty; 0 turns it off", minimum=0.0)
    pl_interval: int = setting(4, "apply it every so many steps", minimum=1)
    pl_batch_shrink: int = setting(2, "on a chunk this much smaller", minimum=1)
    pl_decay: float = setting(0.01, "how fast the mean path length follows", minimum=0.0, maximum=1.0)
    style_mixing: float = setting(0.9, "share of steps that mix two styles in a picture", minimum=0.0, maximum=1.0)
    w_avg_beta: float = setting(0.998, "how slowly the mean style code follows", minimum=0.0, maximum=1.0)
    ema_kimg: float = setting(10.0, "half-life of the averaged generator, in thousand pictures", minimum=0.0)
    ema_rampup: float | None = setting(
        0.05, "shorten it early on to this share of the pictures shown so far; never if none", minimum=0.0
    )
    mirror: bool = setting(True, "show every picture mirrored as often as not")
    augment: AugmentMode = setting("adaptive", "augmentation: off, at a fixed strength, or as over-fitting demands")
    augment_p: float = setting(0.0, "strength: the fixed one, or the first", minimum=0.0, maximum=1.0)
    augment_target: float = setting(0.6, "adaptive: mean sign of the real logits to hold", minimum=-1.0, maximum=1.0)
    augment_interval: int = setting(4, "adaptive: adjust every so many steps", minimum=1)
    augment_kimg: float = setting(500.0, "adaptive: thousand pictures from no to full strength", minimum=0.001)
    augment_parts: str = setting("flip,blit,geometry,colour", f"which transforms, of {', '.join(AUGMENT_PARTS)}")
    freeze_mapping: bool = setting(False, "transfer: keep the mapping network as it is")
    freeze_g_blocks: int = setting(0, "transfer: keep so many generator blocks, from 4 px up, as they are", minimum=0)
    freeze_d_blocks: int = setting(
        0, "transfer: keep so many discriminator blocks, from the picture down, as they are", minimum=0
    )
    compute: ComputeType = setting(
        "auto", "arithmetic of features: 'auto' takes bf16 where the processor has it; weights stay f32"
    )
    snapshot_kimg: float = setting(20.0, "save everything each so many thousand pictures", minimum=0.001)
    keep_snapshots: int = setting(2, "keep so many full snapshots; averaged generators are all kept", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch % self.chunk:
            raise SettingError(f"batch {self.batch} is not made of whole chunks of {self.chunk}: change either")
        unknown = [part for part in self.parts if part not in AUGMENT_PARTS]
        if unknown:
            raise SettingError(f"unknown augmentation {unknown[0]!r}: choose of {', '.join(AUGMENT_PARTS)}")

    @property
    def parts(self) -> list[str]:
        """The augmentations by name."""
        return [part.strip() for part in self.augment_parts.split(",") if part.strip()]

    @property
    def num_chunks(self) -> int:
        """Chunks in a batch, over all processes."""
        return self.batch // self.chunk

    @property
    def total_steps(self) -> int:
        """Steps in the whole run."""
        return -(-int(self.total_kimg * 1000) // self.batch)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A whole run: networks and how they are trained."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        for name in ("resolution", "img_channels", "c_dim"):
            ours, theirs = getattr(self.generator, name), getattr(self.discriminator, name)
            if ours != theirs:
                raise SettingError(
                    f"{name} is {ours} in the generator and {theirs} in the discriminator: make them equal"
                )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """Build from plain values, as `to_dict` gives them.

        Raises:
            SettingError: a key is unknown or a value cannot be used.
        """
        unknown = sorted(set(values) - {"generator", "discriminator", "training"})
        if unknown:
            raise SettingError(
                f"unknown part {unknown[0]!r} of a configuration: known are generator, discriminator, training"
            )
        return cls(
            generator=GeneratorConfig.from_dict(values.get("generator", {})),
            discriminator=DiscriminatorConfig.from_dict(values.get("discriminator", {})),
            training=_training_from_dict(values.get("training", {})),
        )

    @classmethod
    def from_json(cls, text: str) -> "TrainingConfig":
        """Build from JSON text.

        Raises:
            SettingError: it is no JSON object, a key is unknown, or a value cannot be used.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise SettingError(f"a configuration is not JSON: {error}") from error
        if not isinstance(values, dict) or not all(isinstance(part, dict) for part in values.values()):
            raise SettingError("a configuration must be a JSON object of objects: generator, discriminator, training")
        return cls.from_dict(values)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values."""
        return asdict(self)

    def to_json(self) -> str:
        """All settings as JSON text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"


def _training_from_dict(values: Mapping[str, Any]) -> TrainingSettings:
    known = {each.name for each in described(TrainingSettings)}
    for name in values:
        if name not in known:
            raise SettingError(f"unknown training setting {name!r}: known are {', '.join(sorted(known))}")
    return TrainingSettings(**values)
