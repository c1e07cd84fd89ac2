"""Discriminator: a picture to one number, high for real ones.

Source: StyleGAN2, arXiv:1912.04958, section 4; minibatch standard deviation from arXiv:1710.10196; projection on
labels from arXiv:1802.05637, as in StyleGAN2-ADA.
"""

import math

import torch
from torch import Tensor, nn

from nobodies.errors import ShapeError
from nobodies.networks.config import DiscriminatorConfig, block_resolutions
from nobodies.networks.layers import Conv2d, FullyConnected
from nobodies.networks.mapping import MappingNetwork
from nobodies.networks.resampling import downsample2d, fir_filter


def minibatch_std(x: Tensor, *, group_size: int, num_channels: int) -> Tensor:
    """Append the spread of features among pictures of a batch as further feature maps.

    Args:
        x: [N, C, H, W].
        group_size: pictures to compare; lowered to the next divisor of N.
        num_channels: maps to append; C is split evenly among them.

    Returns:
        [N, C + num_channels, H, W].

    Source: arXiv:1710.10196, section 3, in groups as in StyleGAN.
    """
    n, c, h, w = x.shape
    group = next(size for size in range(min(group_size, n), 0, -1) if n % size == 0)
    y = x.reshape(group, -1, num_channels, c // num_channels, h, w)
    y = y - y.mean(dim=0)
    y = (y.square().mean(dim=0) + 1e-8).sqrt().mean(dim=(2, 3, 4))  # [N / group, F]
    y = y.reshape(-1, num_channels, 1, 1).repeat(group, 1, h, w)
    return torch.cat([x, y], dim=1)


class DiscriminatorBlock(nn.Module):
    """All layers of one side R: [N, I, R, R] to [N, O, R / 2, R / 2]."""

    resample_filter: Tensor

    def __init__(self, config: DiscriminatorConfig, resolution: int) -> None:
        super().__init__()
        self.architecture, self.clamp = config.architecture, config.conv_clamp
        width, out, clamp = config.channels(resolution), config.channels(resolution // 2), config.conv_clamp
        self.reads_picture = config.architecture == "skip" or resolution == config.resolution
        self.register_buffer("resample_filter", fir_filter())
        if self.reads_picture:
            self.fromrgb = Conv2d(config.img_channels, width, kernel_size=1, lrelu=True, clamp=clamp)
        self.conv0 = Conv2d(width, width, kernel_size=3, lrelu=True, clamp=clamp)
        self.conv1 = Conv2d(width, out, kernel_size=3, lrelu=True, down=2, clamp=clamp)
        if config.architecture == "resnet":
            self.skip = Conv2d(width, out, kernel_size=1, bias=False, down=2)

    def forward(self, x: Tensor | None, img: Tensor, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Advance features (None before the first block) and picture by one block."""
        if self.reads_picture:
            y = self.fromrgb(img.to(dtype, memory_format=torch.channels_last))
            x = y if x is None else x + y
            if self.architecture == "skip":
                img = downsample2d(img, self.resample_filter)
        if self.architecture != "resnet":
            return self.conv1(self.conv0(x)), img
        halved = math.sqrt(0.5)  # keeps the sum of two branches at unit variance
        y = self.skip(x, gain=halved)
        return y + self.conv1(self.conv0(x), gain=halved), img


class DiscriminatorEpilogue(nn.Module):
    """The last layers, at 4 px, in float32: features to one number, or to a row that is projected on the label."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        width = config.channels(4)
        self.group_size, self.num_channels = config.mbstd_group_size, config.mbstd_num_channels
        if config.architecture == "skip":
            self.fromrgb = Conv2d(config.img_channels, width, kernel_size=1, lrelu=True, clamp=config.conv_clamp)
        self.conv = Conv2d(width + self.num_channels, width, kernel_size=3, lrelu=True, clamp=config.conv_clamp)
        self.fc = FullyConnected(width * 16, width, lrelu=True)
        self.out = FullyConnected(width, width if config.c_dim else 1)
        self.architecture = config.architecture

    def forward(self, x: Tensor, img: Tensor, label: Tensor | None, *, num_batches: int = 1) -> Tensor:
        """Map features [N, C, 4, 4], picture [N, P, 4, 4] and mapped label [N, C] to [N, 1]."""
        x = x.float()
        if self.architecture == "skip":
            x = x + self.fromrgb(img)
        if self.num_channels:
            parts = x.chunk(num_batches)
            group, channels = self.group_size, self.num_channels
            x = torch.cat([minibatch_std(part, group_size=group, num_channels=channels) for part in parts])
        x = self.out(self.fc(self.conv(x).flatten(1)))
        return x if label is None else (x * label).sum(dim=1, keepdim=True) / math.sqrt(label.shape[1])


class Discriminator(nn.Module):
    """Pictures [N, P, R, R] and labels c [N, C] to logits [N, 1], high for real ones."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.block_names = [f"b{resolution}" for resolution in reversed(block_resolutions(config.resolution)[1:])]
        for name in self.block_names:
            self.add_module(name, DiscriminatorBlock(config, int(name[1:])))
        if config.c_dim:
            self.mapping = MappingNetwork(
                0, config.c_dim, config.channels(4), config.mapping_layers, track_average=False
            )
        self.b4 = DiscriminatorEpilogue(config)

    def forward(
        self, img: Tensor, c: Tensor | None = None, *, dtype: torch.dtype = torch.float32, num_batches: int = 1
    ) -> Tensor:
        """Judge pictures.

        Args:
            img: [N, P, R, R] in about [-1, 1], float32.
            c: one-hot labels, [N, C]; None if unconditional.
            dtype: to compute features in, but for the last layers.
            num_batches: the pictures are so many equal batches, one behind the other, that must not see one another.

        Returns:
            Logits, [N, 1], float32.

        Raises:
            ShapeError: `img` is not of the size this network was built for.
        """
        wanted = (self.config.img_channels, self.config.resolution, self.config.resolution)
        if img.ndim != 4 or img.shape[1:] != wanted:
            raise ShapeError(f"pictures are {list(img.shape)}: this network wants [N, {', '.join(map(str, wanted))}]")
        x: Tensor | None = None
        for name in self.block_names:
            x, img = self.get_submodule(name)(x, img, dtype=dtype)
        label = self.mapping(None, c) if self.config.c_dim else None
        return self.b4(x, img, label, num_batches=num_batches)  # type: ignore[no-any-return]
