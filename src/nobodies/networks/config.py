"""What a network looks like: one frozen configuration each, free of torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from nobodies.errors import SettingError
from nobodies.settings import Settings, described, setting

Architecture = Literal["skip", "resnet", "orig"]

MIN_RESOLUTION = 8
MAX_RESOLUTION = 4096


def block_resolutions(resolution: int) -> list[int]:
    """Sides of all blocks from the smallest, 4, to `resolution`, in pixels."""
    return [2**power for power in range(2, resolution.bit_length())]


def _resolution() -> Any:
    return setting(
        64, "side of the picture in pixels, a power of two", minimum=MIN_RESOLUTION, maximum=MAX_RESOLUTION
    )


def _img_channels() -> Any:
    return setting(3, "picture channels: 1 grey, 3 colour, 4 colour with alpha")


def _c_dim() -> Any:
    return setting(0, "number of classes; 0 is unconditional", minimum=0, maximum=100_000)


def _channel_base() -> Any:
    return setting(32768, "feature maps at a side r are this divided by r …", minimum=MIN_RESOLUTION, maximum=2**20)


def _channel_max() -> Any:
    return setting(512, "… and at most this many", minimum=1, maximum=8192)


def _mapping_layers() -> Any:
    return setting(8, "depth of the mapping network", minimum=1, maximum=32)


def _conv_clamp() -> Any:
    return setting(None, "clip activations to plus or minus this, as float16 wants; not at all if none", minimum=1e-3)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(Settings):
    """What generator and discriminator share, and the way to and from JSON values."""

    resolution: int = _resolution()
    img_channels: int = _img_channels()
    c_dim: int = _c_dim()
    channel_base: int = _channel_base()
    channel_max: int = _channel_max()
    mapping_layers: int = _mapping_layers()
    conv_clamp: float | None = _conv_clamp()

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.resolution & (self.resolution - 1):
            raise SettingError(f"resolution is {self.resolution}: it must be a power of two, such as 64 or 256")
        if self.img_channels not in (1, 3, 4):
            raise SettingError(f"img_channels is {self.img_channels}: choose 1 (grey), 3 (colour) or 4 (with alpha)")
        if self.channel_base < self.resolution:
            raise SettingError(
                f"channel_base is {self.channel_base}: the block of {self.resolution} px would have no feature map; "
                f"take {self.resolution} or more"
            )

    def channels(self, resolution: int) -> int:
        """Feature maps in the block of this side: halved each time the side doubles, under a ceiling."""
        return min(self.channel_base // resolution, self.channel_max)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values, as `to_dict` gives them.

        Raises:
            SettingError: a key is unknown or a value cannot be used.
        """
        known = {each.name for each in described(cls)}
        for name in values:
            if name not in known:
                raise SettingError(
                    f"unknown setting {name!r} of {cls.__name__}: known are {', '.join(sorted(known))}"
                )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig(NetworkConfig):
    """Mapping and synthesis network.

    Source: StyleGAN2, arXiv:1912.04958, section 4 and figure 7.
    """

    z_dim: int = setting(512, "size of the latent code z", minimum=1, maximum=8192)
    w_dim: int = setting(512, "size of the style code w", minimum=1, maximum=8192)
    architecture: Architecture = setting(
        "skip", "'skip' sums one picture a block; 'resnet' and 'orig' read the last block, with and without residuals"
    )

    @property
    def num_ws(self) -> int:
        """Number of style codes that synthesis takes: two a block, with the picture's shared with the next block."""
        return 2 * (self.resolution.bit_length() - 1) - 2


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig(NetworkConfig):
    """Discriminator.

    Source: StyleGAN2, arXiv:1912.04958, section 4 and figure 7.
    """

    architecture: Architecture = setting(
        "resnet",
        "'skip' reads the picture at every block; 'resnet' and 'orig' at the first, with and without residuals",
    )
    mbstd_group_size: int = setting(
        4, "pictures over which the minibatch standard deviation is taken", minimum=1, maximum=1024
    )
    mbstd_num_channels: int = setting(1, "feature maps it adds; 0 turns it off", minimum=0, maximum=1024)
