"""The MobileStyleGAN student as a torch module: the engine's weights under the engine's names, with gradients.

Source: MobileStyleGAN, arXiv:2104.04767, figure 3. Names and layouts are those of
`nobodies.models.architectures.mobile_stylegan`.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nobodies.errors import ShapeError
from nobodies.models.architectures import grid
from nobodies.models.architectures.mobile_stylegan import NUM_SUBBANDS, Architecture, Block


class MobileGenerator(nn.Module):
    """z [N, Z] to pictures [N, 3, R, R] in about [-1, 1].

    Args:
        architecture: sizes of the network.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.mapping = MobileMapping(architecture)
        self.synthesis = MobileSynthesis(architecture)

    def forward(self, z: Tensor) -> Tensor:
        """Draw pictures from latent codes [N, Z] with the stored noise."""
        ws = self.mapping(z)[:, None].expand(-1, self.architecture.num_ws, -1)
        return self.synthesis(ws)  # type: ignore[no-any-return]


class MobileMapping(nn.Module):
    """z [N, Z] to w [N, W]."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.slope, self.count = architecture.lrelu_slope, architecture.num_mapping_layers
        for index in range(self.count):
            width = architecture.w_dim if index else architecture.z_dim
            self.add_module(f"fc{index}", nn.Linear(width, architecture.w_dim))

    def forward(self, z: Tensor) -> Tensor:
        """Map codes to styles."""
        x = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for index in range(self.count):
            x = functional.leaky_relu(self.get_submodule(f"fc{index}")(x), self.slope)
        return x


class Modulated(nn.Module):
    """A layer that scales its input by a style: holds `affine`, [C, W] and [C]."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, channels)

    def modulate(self, x: Tensor, w: Tensor) -> Tensor:
        """Scale [N, C, H, W] by style codes [N, W]."""
        return x * cast(Tensor, self.affine(w))[:, :, None, None]


class MobileConv(Modulated):
    """Modulated convolution, whole or separable, then noise, bias and leaky ReLU."""

    noise_const: Tensor

    def __init__(self, channels: int, out: int, size_px: int, architecture: Architecture, *, separable: bool) -> None:
        super().__init__(channels, architecture.w_dim)
        self.slope, self.separable = architecture.lrelu_slope, separable
        if separable:
            self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
            self.pointwise = nn.Conv2d(channels, out, 1, bias=False)
        else:
            self.weight = nn.Parameter(torch.randn(out, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out))
        self.register_buffer("noise_const", torch.zeros(size_px, size_px))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map [N, C, R, R] and style codes [N, W] to [N, O, R, R]."""
        x = self.modulate(x, w)
        y = self.pointwise(self.depthwise(x)) if self.separable else functional.conv2d(x, self.weight, padding=1)
        return functional.leaky_relu(y + self.noise_const + self.bias[:, None, None], self.slope)


class MobileToRGB(Modulated):
    """Modulated 1x1 convolution to the subbands of a picture."""

    def __init__(self, channels: int, architecture: Architecture) -> None:
        super().__init__(channels, architecture.w_dim)
        self.weight = nn.Parameter(torch.randn(NUM_SUBBANDS * 3, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(NUM_SUBBANDS * 3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map [N, C, R / 2, R / 2] and style codes [N, W] to [N, 12, R / 2, R / 2]."""
        return functional.conv2d(self.modulate(x, w), self.weight, self.bias)


class MobileBlock(nn.Module):
    """Inverse Haar transform and two separable convolutions: [N, I, R / 2, R / 2] to [N, O, R, R]."""

    def __init__(self, block: Block, architecture: Architecture) -> None:
        super().__init__()
        narrow, out, size = block.subband_channels, block.channels, block.size_px
        self.up = Modulated(NUM_SUBBANDS * narrow, architecture.w_dim)
        self.conv0 = MobileConv(narrow, out, size, architecture, separable=True)
        self.conv1 = MobileConv(out, out, size, architecture, separable=True)

    def forward(self, x: Tensor, ws: Tensor) -> Tensor:
        """Advance features; `ws` are this block's three style codes, [N, 3, W]."""
        x = inverse_haar(self.up.modulate(x, ws[:, 0]))
        return self.conv1(self.conv0(x, ws[:, 1]), ws[:, 2])  # type: ignore[no-any-return]


class MobileSynthesis(nn.Module):
    """Style codes [N, L, W] to pictures [N, 3, R, R]."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.num_ws, self.w_dim = architecture.num_ws, architecture.w_dim
        first, last = architecture.channels[4], architecture.channels[architecture.resolution // 2]
        self.b4 = nn.Module()
        self.b4.const = nn.Parameter(torch.randn(first, 4, 4))
        self.b4.conv1 = MobileConv(first, first, 4, architecture, separable=False)
        self.block_names = [block.name.rpartition(".")[2] for block in architecture.blocks]
        for name, block in zip(self.block_names, architecture.blocks, strict=True):
            self.add_module(name, MobileBlock(block, architecture))
        self.torgb = MobileToRGB(last, architecture)
        self.grid: Tensor | None
        self.register_buffer("grid", None)

    def forward(self, ws: Tensor) -> Tensor:
        """Draw pictures with the stored noise.

        Raises:
            ShapeError: `ws` is not [N, L, W].
        """
        if ws.ndim != 3 or ws.shape[1:] != (self.num_ws, self.w_dim):
            raise ShapeError(f"ws is {list(ws.shape)}: this network wants [N, {self.num_ws}, {self.w_dim}]")
        x = self.features(ws, self.block_names[-1])
        picture = inverse_haar(self.torgb(x, ws[:, -1]))
        return picture if self.grid is None else without_grid(picture, self.grid)

    def features(self, ws: Tensor, last: str) -> Tensor:
        """Give what comes out of a block, named as in `block_names`: [N, C, S, S]."""
        x = cast(Tensor, self.b4.const)[None].expand(len(ws), -1, -1, -1)
        x = cast(MobileConv, self.b4.conv1)(x, ws[:, 0])
        for index, name in enumerate(self.block_names[: self.block_names.index(last) + 1]):
            x = cast(Tensor, self.get_submodule(name)(x, ws[:, 1 + 3 * index : 4 + 3 * index]))
        return x


def without_grid(picture: Tensor, tile: Tensor) -> Tensor:
    """Take the grid out of pictures [N, 3, R, R]; see `nobodies.models.architectures.grid`.

    Args:
        picture: about -1 to 1.
        tile: what every picture has, [3, 32, 32].
    """
    side, cell = picture.shape[-1], grid.CELL_PX
    block, part = grid.block_px(side), grid.part_px(side)
    axis = (side // block, block // part, part // cell, cell)
    plain = picture - tile.repeat(1, side // grid.TILE_PX, side // grid.TILE_PX)
    means = plain.reshape(-1, 3, *axis, *axis).mean(dim=(4, 8)).permute(0, 1, 2, 3, 5, 6, 4, 7).flatten(6)
    patterns = (means @ torch.from_numpy(grid.projection()).to(means)).clamp(-grid.LIMIT, grid.LIMIT)
    pattern = patterns.mean(dim=(3, 5)).reshape(-1, 3, axis[0], axis[0], cell, cell).transpose(3, 4)
    cells = plain.reshape(-1, 3, axis[0], block // cell, cell, axis[0], block // cell, cell)
    freed: Tensor = cells - pattern[:, :, :, None, :, :, None]
    return freed.reshape(picture.shape)


def inverse_haar(x: Tensor) -> Tensor:
    """Put the subbands [N, 4C, H, W], in the order LL, LH, HL, HH, together to [N, C, 2H, 2W].

    LH holds vertical differences, HL horizontal ones. The transform is orthonormal.
    """
    ll, lh, hl, hh = x.chunk(NUM_SUBBANDS, dim=1)
    low, high = ll + lh, ll - lh  # upper and lower rows, before horizontal differences
    side, cross = hl + hh, hl - hh
    return _interleave(low + side, low - side, high + cross, high - cross)


def _interleave(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Lay four pictures [N, C, H, W] out as the 2x2 cells of one, halved: a b over c d."""
    return functional.pixel_shuffle(torch.stack([a, b, c, d], dim=2).flatten(1, 2), 2) / 2


def load_mobile(network: Mapping[str, Any], tensors: Mapping[str, Any]) -> MobileGenerator:
    """Build the student from a native model.

    Args:
        network: `Description.network` of the model.
        tensors: its weights, numpy arrays by name.

    Raises:
        WeightsError: it is another architecture, or a tensor is missing or misshapen.
    """
    from nobodies.models.architectures import check_tensors
    from nobodies.models.architectures.mobile_stylegan import read

    architecture = read(network)
    check_tensors(architecture, tensors)
    student = MobileGenerator(architecture)
    if grid.TENSOR in tensors:
        student.synthesis.grid = torch.zeros(tensors[grid.TENSOR].shape)
    wanted = student.state_dict()
    student.load_state_dict({name: torch.from_numpy(tensors[name].copy()) for name in wanted})
    return student
