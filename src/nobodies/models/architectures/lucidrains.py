"""The generator of lucidrains' stylegan2-pytorch: StyleGAN2 with its own way of doubling, of noise and of codes.

What is otherwise than in `nobodies.models.architectures.stylegan2`, whose names its tensors go under:

- Features and pictures are doubled by bilinear interpolation, pictures blurred by 1 2 1 after it. The block at 4 x 4
  has two convolutions as all others have, behind a constant that has been convolved once, which is folded in here.
- No gain follows the leaky ReLU. Layers have no gains of equalised learning rate, so affine layers and layers to
  colours hold weights that cancel those of StyleGAN2.
- Noise has a weight for each channel: CONV.noise_strength is [channels out]. There is one map for all layers,
  uniform, of which each takes the corner that it needs, turned on its side. CONV.noise_const is that corner minus
  1/2; the rest is in CONV.bias.
- A block has one style code, L is the number of blocks.

Source: the program of that name, which this one can read the weights of; after StyleGAN2, arXiv:1912.04958.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from nobodies.models.architectures import stylegan2
from nobodies.models.architectures.stylegan2 import StyleGan2

NAME: Final = "stylegan2-lucidrains"


@dataclass(frozen=True, slots=True)
class Lucidrains(StyleGan2):
    """The sizes of such a generator."""

    @property
    def kind(self) -> str:
        """Its name in a model's configuration."""
        return NAME

    @property
    def mapping_lr(self) -> None:
        """Its gains are folded into the weights."""
        return

    @property
    def lrelu_gain(self) -> float:
        """None follows the leaky ReLU."""
        return 1.0

    @property
    def num_ws(self) -> int:
        """Number of style codes, L: one a block."""
        return len(self.channels)

    @property
    def convolutions(self) -> tuple[tuple[str, int, int, int], ...]:
        """Name, side of the result, channels in and out of each convolution, in order."""
        sizes = sorted(self.channels)
        return tuple(
            (f"synthesis.b{size}.conv{index}", size, self.channels[size if index else below], self.channels[size])
            for below, size in pairwise((sizes[0], *sizes))
            for index in (0, 1)
        )

    def modulated_layers(self) -> Iterator[tuple[str, int, int]]:
        """Give name, number of modulated channels and number of its style code of each layer."""
        for index, (name, size, channels_in, channels_out) in enumerate(self.convolutions):
            yield name, channels_in, index // 2
            if name.endswith("conv1"):
                yield f"synthesis.b{size}.torgb", channels_out, index // 2

    def noise_strength_shape(self, channels_out: int) -> tuple[int, ...]:
        """Each channel has a weight of its own."""
        return (channels_out,)


def read(network: Mapping[str, Any]) -> Lucidrains:
    """Read an architecture from the configuration of a model; see `stylegan2.read_as`."""
    return stylegan2.read_as(Lucidrains, network)
