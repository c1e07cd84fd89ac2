"""A generator like that of lucidrains' stylegan2-pytorch, in torch, written from its description; its checkpoints.

Modules are named as there, so that the state dictionary is one of theirs.
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.models.foreign import torch_bytes
from tests.stylegan2 import Array

SLOPE = 0.2


class Linear(nn.Module):
    """A fully connected layer without gains, or with a learning rate of its own."""

    def __init__(self, size_in: int, size_out: int, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size_out, size_in) / (rate * size_in**0.5))
        self.bias = nn.Parameter(0.3 * torch.randn(size_out))
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.rate * self.weight, self.rate * self.bias)


class Mapping(nn.Module):
    def __init__(self, size: int, depth: int, rate: float = 0.1) -> None:
        super().__init__()
        layers = [each for _ in range(depth) for each in (Linear(size, size, rate), nn.LeakyReLU(SLOPE))]
        self.net = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        w: Tensor = self.net(z / z.norm(dim=1, keepdim=True))
        return w


class Modulated(nn.Module):
    """Weights are made per picture: scaled by the style plus 1, then each kernel to unit length."""

    def __init__(self, size_in: int, size_out: int, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size_out, size_in, side, side) / (size_in * side * side) ** 0.5)

    def forward(self, x: Tensor, style: Tensor, *, demodulated: bool = True) -> Tensor:
        pictures = []
        for features, scale in zip(x, style, strict=True):
            weight = self.weight * (1 + scale)[None, :, None, None]
            if demodulated:
                weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
            pictures.append(functional.conv2d(features[None], weight, padding=weight.shape[2] // 2))
        return torch.cat(pictures)


class Blur(nn.Module):
    """By 1 2 1 along both axes; lines beyond the edges mirror those inside."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("f", torch.tensor([1.0, 2.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
        return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16


def doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return doubled(x)


class ToRgb(nn.Module):
    def __init__(self, w_dim: int, width: int, *, last: bool) -> None:
        super().__init__()
        self.to_style = Linear(w_dim, width)
        self.conv = Modulated(width, 3, 1)
        if not last:
            self.upsample = nn.Sequential(Doubled(), Blur())

    def forward(self, x: Tensor, before: Tensor | float, w: Tensor) -> Tensor:
        picture = self.conv(x, self.to_style(w), demodulated=False) + before
        grown: Tensor = self.upsample(picture) if hasattr(self, "upsample") else picture
        return grown


class Block(nn.Module):
    def __init__(self, w_dim: int, size_in: int, size_out: int, *, last: bool) -> None:
        super().__init__()
        self.to_style1, self.to_noise1 = Linear(w_dim, size_in), Linear(1, size_out)
        self.conv1 = Modulated(size_in, size_out, 3)
        self.to_style2, self.to_noise2 = Linear(w_dim, size_out), Linear(1, size_out)
        self.conv2 = Modulated(size_out, size_out, 3)
        self.to_rgb = ToRgb(w_dim, size_out, last=last)

    def forward(self, x: Tensor, picture: Tensor | float, w: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        side = x.shape[-1]
        turned = noise[:side, :side].t()[..., None]  # [R, R, 1]
        for style, spread, convolution in (
            (self.to_style1, self.to_noise1, self.conv1),
            (self.to_style2, self.to_noise2, self.conv2),
        ):
            x = convolution(x, style(w)) + spread(turned).permute(2, 0, 1)
            x = functional.leaky_relu(x, SLOPE)
        return x, self.to_rgb(x, picture, w)


class Generator(nn.Module):
    def __init__(self, w_dim: int, widths: list[int]) -> None:
        super().__init__()
        self.initial_block = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.initial_conv = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        pairs = zip([widths[0], *widths], widths, strict=False)
        self.blocks = nn.ModuleList(
            Block(w_dim, size_in, size_out, last=index == len(widths) - 1)
            for index, (size_in, size_out) in enumerate(pairs)
        )

    def forward(self, ws: Tensor, noise: Tensor) -> Tensor:
        """Draw pictures [N, 3, R, R], about 0 to 1, of a style code a block, [N, L, W]."""
        x = self.initial_conv(self.initial_block.expand(len(ws), -1, -1, -1))
        picture: Any = 0.0
        for index, block in enumerate(self.blocks):
            x, picture = block(doubled(x) if index else x, picture, ws[:, index], noise)
        drawn: Tensor = picture
        return drawn


class Networks:
    """A mapping network and a generator, and what a checkpoint of them is."""

    def __init__(self, w_dim: int = 16, depth: int = 3, widths: tuple[int, ...] = (24, 16, 8, 8)) -> None:
        torch.manual_seed(1)
        self.mapping, self.generator = Mapping(w_dim, depth), Generator(w_dim, list(widths))
        self.raw_mapping, self.raw_generator = Mapping(w_dim, depth), Generator(w_dim, list(widths))
        self.w_dim, self.resolution = w_dim, 4 << (len(widths) - 1)

    def state(self) -> dict[str, Tensor]:
        """Give the state dictionary of everything; of the discriminator a first layer stands for all."""
        parts = {"S": self.raw_mapping, "G": self.raw_generator, "SE": self.mapping, "GE": self.generator}
        tensors = {f"{key}.{name}": each for key, part in parts.items() for name, each in part.state_dict().items()}
        return OrderedDict(tensors | {"D.blocks.0.conv_res.weight": torch.zeros(8, 3, 1, 1)})

    def checkpoint(self, *, zipped: bool = True, **more: Tensor) -> bytes:
        """Save a checkpoint as that program does."""
        return torch_bytes({"GAN": self.state() | more, "version": "1.8.9"}, zipped=zipped)

    def draw(self, ws: Array, noise: Array) -> Array:
        """Draw pictures from -1 to 1 with one uniform noise map [R, R]."""
        with torch.no_grad():
            picture = self.generator(torch.from_numpy(ws), torch.from_numpy(noise))
            drawn: Array = (picture * 2 - 1).numpy()
        return drawn

    def map(self, z: Array) -> Array:
        """Map latent codes to style codes."""
        with torch.no_grad():
            w: Array = self.mapping(torch.from_numpy(z)).numpy()
        return w
