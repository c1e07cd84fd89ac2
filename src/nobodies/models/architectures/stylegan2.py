"""What a StyleGAN2 generator consists of: its sizes, its layers, and the tensors that it needs.

Modulated convolutions draw the picture at doubling sides, beginning with a learned constant of 4 x 4. At every side
a further one turns features into colours, and these pictures are summed, each upsampled to the next side ("skip"
synthesis, configurations E and F of the paper, which differ in their channels only).

Tensors of the native format are those of the official PyTorch release under their names, with R a block's side and C
its channels (float32); the gains of equalised learning rate are not folded in::

    mapping.embed.weight [W, classes]  .bias [W]   of conditional networks only
    mapping.fc{i}.weight [W, W]  .bias [W]         the first one takes [W, 2W] if there are classes
    mapping.w_avg [W]
    synthesis.b4.const [C, 4, 4]
    synthesis.b{R}.conv0.weight [C, C of R/2, 3, 3]    doubles the side; not at 4
    synthesis.b{R}.conv1.weight [C, C, 3, 3]
    synthesis.b{R}.torgb.weight [P, C, 1, 1]           P is 3, or 1 for grey pictures

    LAYER.affine.weight [channels in, W]  LAYER.affine.bias [channels in]  LAYER.bias [channels out]
    CONV.noise_const [R, R]  CONV.noise_strength []

Source: StyleGAN2, arXiv:1912.04958; classes as in StyleGAN2-ADA, arXiv:2006.06676.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final, TypeVar

from nobodies.errors import WeightsError

NAME: Final = "stylegan2"
LRELU_SLOPE: Final = 0.2
MAPPING_LR: Final = 0.01
"""Learning rate of the mapping network relative to the rest, which is folded into its gains."""
_LARGEST: Final = 8192
_MOST_CLASSES: Final = 100_000


@dataclass(frozen=True, slots=True)
class StyleGan2:
    """The sizes of a StyleGAN2 generator."""

    z_dim: int
    w_dim: int
    c_dim: int
    """Number of classes; 0 is unconditional."""
    num_mapping_layers: int
    resolution: int
    """Side of the picture in pixels."""
    channels: Mapping[int, int]
    """Channels of each block by its side: 4, 8, ... up to the resolution."""
    img_channels: int = 3
    conv_clamp: float | None = None
    """Activations are clipped to plus or minus this."""

    @property
    def kind(self) -> str:
        """Its name in a model's configuration."""
        return NAME

    @property
    def lrelu_slope(self) -> float:
        """Of the leaky ReLU below zero."""
        return LRELU_SLOPE

    @property
    def lrelu_gain(self) -> float:
        """What follows the leaky ReLU, to restore unit variance."""
        return math.sqrt(2)

    @property
    def mapping_lr(self) -> float | None:
        """The mapping network learns a hundred times slower than the rest."""
        return MAPPING_LR

    @property
    def num_ws(self) -> int:
        """Number of style codes, L: the layer to colours shares its own with the next block's first."""
        return 2 * len(self.channels)

    @property
    def convolutions(self) -> tuple[tuple[str, int, int, int], ...]:
        """Name, side of the result, channels in and out of each convolution, in the order of the style codes."""
        sizes = sorted(self.channels)
        first = ("synthesis.b4.conv1", 4, self.channels[4], self.channels[4])
        rest = (
            (
                f"synthesis.b{size}.conv{index}",
                size,
                self.channels[below if index == 0 else size],
                self.channels[size],
            )
            for below, size in pairwise(sizes)
            for index in (0, 1)
        )
        return first, *rest

    @property
    def noise_layers(self) -> tuple[tuple[str, int], ...]:
        """Name and side of each layer that takes noise, in order."""
        return tuple((name, size) for name, size, _, _ in self.convolutions)

    def modulated_layers(self) -> Iterator[tuple[str, int, int]]:
        """Give name, number of modulated channels and number of its style code of each layer."""
        for index, (name, size, channels_in, channels_out) in enumerate(self.convolutions):
            yield name, channels_in, index
            if name.endswith("conv1"):
                yield f"synthesis.b{size}.torgb", channels_out, index + 1

    def tensor_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Give name and shape of every tensor that the network needs."""
        yield from self._mapping_shapes()
        yield "synthesis.b4.const", (self.channels[4], 4, 4)
        for layer, width, _ in self.modulated_layers():
            yield f"{layer}.affine.weight", (width, self.w_dim)
            yield f"{layer}.affine.bias", (width,)
        for layer, size, channels_in, channels_out in self.convolutions:
            yield f"{layer}.weight", (channels_out, channels_in, 3, 3)
            yield f"{layer}.bias", (channels_out,)
            yield f"{layer}.noise_const", (size, size)
            yield f"{layer}.noise_strength", self.noise_strength_shape(channels_out)
        for size, width in self.channels.items():
            yield f"synthesis.b{size}.torgb.weight", (self.img_channels, width, 1, 1)
            yield f"synthesis.b{size}.torgb.bias", (self.img_channels,)

    def noise_strength_shape(self, channels_out: int) -> tuple[int, ...]:
        """One number serves all channels of a layer."""
        return ()

    def _mapping_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        width = self.z_dim
        if self.c_dim:
            yield "mapping.embed.weight", (self.w_dim, self.c_dim)
            yield "mapping.embed.bias", (self.w_dim,)
            width += self.w_dim
        for index in range(self.num_mapping_layers):
            yield f"mapping.fc{index}.weight", (self.w_dim, width)
            yield f"mapping.fc{index}.bias", (self.w_dim,)
            width = self.w_dim
        yield "mapping.w_avg", (self.w_dim,)


Form = TypeVar("Form", bound=StyleGan2)


def describe(architecture: StyleGan2) -> dict[str, Any]:
    """Write an architecture in JSON values; `read` takes them back."""
    values = asdict(architecture)
    values["channels"] = {str(size): width for size, width in architecture.channels.items()}
    return {"architecture": architecture.kind, **values}


def read(network: Mapping[str, Any]) -> StyleGan2:
    """Read an architecture from the configuration of a model; see `read_as`."""
    return read_as(StyleGan2, network)


def read_as(form: type[Form], network: Mapping[str, Any]) -> Form:
    """Read an architecture from the configuration of a model.

    Args:
        form: StyleGAN2, or a variant of it with the same sizes.
        network: JSON values as `describe` writes them.

    Raises:
        WeightsError: an entry is missing or unknown, or the sizes do not fit together.
    """
    values = {key: value for key, value in network.items() if key != "architecture"}
    if values.keys() != StyleGan2.__dataclass_fields__.keys():
        odd = ", ".join(sorted(values.keys() ^ StyleGan2.__dataclass_fields__.keys()))
        raise WeightsError(f"the model's network has unknown or missing entries: {odd}")
    try:
        channels = {int(size): width for size, width in values["channels"].items()}
    except (AttributeError, ValueError) as error:
        raise WeightsError(f"the model's network has channels that cannot be read ({error})") from error
    architecture = form(**values | {"channels": dict(sorted(channels.items()))})
    check_sizes(architecture)
    return architecture


def check_sizes(architecture: StyleGan2) -> None:
    """Make sure that the sizes fit together.

    Raises:
        WeightsError: they do not.
    """
    sides = [4 << power for power in range(len(architecture.channels))]
    if list(architecture.channels) != sides or sides[-1] != architecture.resolution or len(sides) < 2:
        raise WeightsError(
            f"channels are given for sides {list(architecture.channels)}: a picture of {architecture.resolution} px "
            "needs them for 4, 8 and so on up to that"
        )
    sizes = {
        "z_dim": architecture.z_dim,
        "w_dim": architecture.w_dim,
        "num_mapping_layers": architecture.num_mapping_layers,
        "resolution": architecture.resolution,
        **{f"channels at {side} px": width for side, width in architecture.channels.items()},
    }
    for name, size in sizes.items():
        if type(size) is not int or not 1 <= size <= _LARGEST:
            raise WeightsError(f"{name} is {size!r}: it must be a whole number from 1 to {_LARGEST}")
    if type(architecture.c_dim) is not int or not 0 <= architecture.c_dim <= _MOST_CLASSES:
        raise WeightsError(f"c_dim is {architecture.c_dim!r}: it must be a whole number from 0 to {_MOST_CLASSES}")
    if architecture.img_channels not in (1, 3):
        raise WeightsError(f"img_channels is {architecture.img_channels!r}: pictures have 1 (grey) or 3 (colour)")
    clamp = architecture.conv_clamp
    if clamp is not None and not (isinstance(clamp, int | float) and clamp > 0):
        raise WeightsError(f"conv_clamp is {clamp!r}: it must be above 0, or null")
