"""What a MobileStyleGAN generator consists of: its sizes, its layers, and the tensors that it needs.

A generator maps a latent code z to a style code w, and draws a picture from one style code a modulated layer. The
picture grows from a learned constant of 4 x 4 through blocks that double the side. A block takes the four subbands of
a Haar transform, puts them together, and sends the result through two separable convolutions. The last step is one
more Haar transform, so the convolutions work at half the resolution of the picture at most.

Tensors of the native format, with R a block's side and C its channels (float32)::

    mapping.fc{i}.weight [W, W]  .bias [W]         all gains folded in
    synthesis.b4.const [C, 4, 4]
    synthesis.b4.conv1.weight [O, C, 3, 3]         with .affine, .bias, .noise_const as below
    synthesis.b{R}.up.affine                       over the four subbands of all channels
    synthesis.b{R}.conv0.depthwise.weight [C, 1, 3, 3]  .pointwise.weight [O, C, 1, 1]
    synthesis.b{R}.conv1                           likewise
    synthesis.torgb.weight [12, C, 1, 1]           with .affine, .bias

    LAYER.affine.weight [C, W]  .affine.bias [C]   style code to the scale of each channel, fan-in gain folded in
    LAYER.bias [O]  LAYER.noise_const [R, R]

    synthesis.grid [3, 32, 32]                     optional: see `nobodies.models.architectures.grid`

Demodulation does not depend on the style code in this network and is folded into the weights. Channels that enter a
Haar transform are in block order: all LL, then all LH (vertical differences), HL (horizontal), HH (both).

Source: MobileStyleGAN, arXiv:2104.04767.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from nobodies.errors import WeightsError

NAME: Final = "mobile-stylegan"
NUM_SUBBANDS: Final = 4
_RGB: Final = 3
_KEYS: Final = frozenset(
    {"architecture", "z_dim", "w_dim", "num_mapping_layers", "resolution", "channels", "lrelu_slope"}
)
_LARGEST: Final = 8192


@dataclass(frozen=True, slots=True)
class Block:
    """The part of the synthesis that works at one side length."""

    size_px: int
    """Side of its output, R."""
    subband_channels: int
    """Channels of each subband that it takes, C."""
    channels: int
    """Channels of its output, O."""

    @property
    def name(self) -> str:
        """Prefix of its tensors."""
        return f"synthesis.b{self.size_px}"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a MobileStyleGAN generator."""

    z_dim: int
    w_dim: int
    num_mapping_layers: int
    resolution: int
    """Side of the picture in pixels."""
    channels: Mapping[int, int]
    """Channels of the output of each block, by its side: 4, 8, ... up to half the resolution."""
    lrelu_slope: float

    @property
    def c_dim(self) -> int:
        """Number of classes: this network has none."""
        return 0

    @property
    def mapping_lr(self) -> None:
        """Its gains are folded into the weights."""
        return

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks above the first one, in order."""
        sizes = sorted(self.channels)
        return tuple(
            Block(size, self.channels[below] // NUM_SUBBANDS, self.channels[size]) for below, size in pairwise(sizes)
        )

    @property
    def num_ws(self) -> int:
        """Number of modulated layers, L."""
        return sum(1 for _ in self.modulated_layers())

    @property
    def noise_layers(self) -> tuple[tuple[str, int], ...]:
        """Name and side of each layer that takes noise, in order."""
        convolutions = (
            (f"{block.name}.{conv}", block.size_px) for block in self.blocks for conv in ("conv0", "conv1")
        )
        return (("synthesis.b4.conv1", 4), *convolutions)

    def modulated_layers(self) -> Iterator[tuple[str, int]]:
        """Give name and number of modulated channels of each layer, in the order of the style codes."""
        yield "synthesis.b4.conv1", self.channels[4]
        for block in self.blocks:
            yield f"{block.name}.up", NUM_SUBBANDS * block.subband_channels
            yield f"{block.name}.conv0", block.subband_channels
            yield f"{block.name}.conv1", block.channels
        yield "synthesis.torgb", self.channels[self.resolution // 2]

    def tensor_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Give name and shape of every tensor that the network needs."""
        for index in range(self.num_mapping_layers):
            yield f"mapping.fc{index}.weight", (self.w_dim, self.z_dim if index == 0 else self.w_dim)
            yield f"mapping.fc{index}.bias", (self.w_dim,)
        for layer, width in self.modulated_layers():
            yield f"{layer}.affine.weight", (width, self.w_dim)
            yield f"{layer}.affine.bias", (width,)
        first, last = self.channels[4], self.channels[self.resolution // 2]
        yield "synthesis.b4.const", (first, 4, 4)
        yield "synthesis.b4.conv1.weight", (first, first, 3, 3)
        for block in self.blocks:
            for conv, width in (("conv0", block.subband_channels), ("conv1", block.channels)):
                yield f"{block.name}.{conv}.depthwise.weight", (width, 1, 3, 3)
                yield f"{block.name}.{conv}.pointwise.weight", (block.channels, width, 1, 1)
        for layer, size in self.noise_layers:
            yield f"{layer}.bias", (first if size == 4 else self.channels[size],)
            yield f"{layer}.noise_const", (size, size)
        yield "synthesis.torgb.weight", (NUM_SUBBANDS * _RGB, last, 1, 1)
        yield "synthesis.torgb.bias", (NUM_SUBBANDS * _RGB,)


def describe(architecture: Architecture) -> dict[str, Any]:
    """Write an architecture in JSON values; `read` takes them back."""
    return {
        "architecture": NAME,
        "z_dim": architecture.z_dim,
        "w_dim": architecture.w_dim,
        "num_mapping_layers": architecture.num_mapping_layers,
        "resolution": architecture.resolution,
        "channels": {str(size): width for size, width in architecture.channels.items()},
        "lrelu_slope": architecture.lrelu_slope,
    }


def read(network: Mapping[str, Any]) -> Architecture:
    """Read an architecture from the configuration of a model.

    Args:
        network: JSON values as `describe` writes them.

    Raises:
        WeightsError: it is another architecture, or its sizes do not fit together.
    """
    if network.get("architecture") != NAME:
        raise WeightsError(f"the model is of architecture {network.get('architecture')!r}: this engine runs {NAME!r}")
    if network.keys() != _KEYS:
        odd = ", ".join(sorted(network.keys() ^ _KEYS))
        raise WeightsError(f"the model's network has unknown or missing entries: {odd}")
    try:
        sizes = {key: _size(network[key]) for key in ("z_dim", "w_dim", "num_mapping_layers", "resolution")}
        channels = {int(size): _size(width) for size, width in sorted(network["channels"].items(), key=_by_number)}
        slope = float(network["lrelu_slope"])
    except (TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"the model's network has a size that cannot be read ({error})") from error
    architecture = Architecture(**sizes, channels=channels, lrelu_slope=slope)
    _check_sizes(architecture)
    return architecture


def _by_number(entry: tuple[str, Any]) -> int:
    return int(entry[0])


def _size(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= _LARGEST:
        raise ValueError(f"{value!r} is no whole number from 1 to {_LARGEST}")
    return value


def _check_sizes(architecture: Architecture) -> None:
    wanted = []
    size = 4
    while size < architecture.resolution:
        wanted.append(size)
        size *= 2
    if size != architecture.resolution or list(architecture.channels) != wanted or len(wanted) < 2:
        raise WeightsError(
            f"channels are given for sides {list(architecture.channels)}: a picture of {architecture.resolution} px "
            "needs them for 4, 8 and so on up to half of it, a power of two"
        )
    for size in wanted[:-1]:
        if architecture.channels[size] % NUM_SUBBANDS:
            raise WeightsError(f"{architecture.channels[size]} channels at side {size} do not split into 4 subbands")
    if not 0.0 < architecture.lrelu_slope < 1.0:
        raise WeightsError(f"lrelu_slope is {architecture.lrelu_slope}: it must lie between 0 and 1")
