"""Synthesis network: style codes to a picture.

Source: StyleGAN2, arXiv:1912.04958, section 2 (weight demodulation) and section 4 (the three forms).
"""

import math
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from nobodies.errors import ShapeError
from nobodies.networks.config import GeneratorConfig, block_resolutions
from nobodies.networks.convolution import conv2d, conv_transpose2d
from nobodies.networks.layers import LRELU_GAIN, Conv2d, FullyConnected, activate, cast_weight, conv_weight
from nobodies.networks.resampling import fir_filter, upfirdn2d, upsample2d

NoiseMode = Literal["random", "const", "none"]


class Drawing(NamedTuple):
    """How a picture is drawn: the same for all layers."""

    noise_mode: NoiseMode = "random"
    rng: torch.Generator | None = None
    dtype: torch.dtype = torch.float32


class Features(NamedTuple):
    """Feature maps, [N, C, H, W], with a positive factor for each, [N, C], that whoever reads them multiplies in.

    Demodulation is such a factor. It passes through the leaky ReLU, and the next layer scales its input by its styles
    anyhow: one pass over the maps does for both.
    """

    maps: Tensor
    scale: Tensor | None = None

    def settled(self) -> Tensor:
        """The maps with their factors multiplied in."""
        return self.maps if self.scale is None else self.maps * _over_maps(self.scale, self.maps)

    def modulated(self, styles: Tensor) -> Tensor:
        """The maps scaled by `styles`, [N, C]."""
        return self.maps * _over_maps(self.scaled(styles), self.maps)

    def scaled(self, styles: Tensor) -> Tensor:
        """What is left to multiply the maps by once `styles`, [N, C], have been asked for."""
        return styles if self.scale is None else styles * self.scale


def _over_maps(factors: Tensor, maps: Tensor) -> Tensor:
    """Factors [N, C] in the type of the maps, ready to multiply them."""
    return factors.to(maps.dtype)[:, :, None, None]


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Factors that give each output map unit variance for unit-variance input.

    Args:
        weight: [O, I, K, K].
        styles: scale of each input map, [N, I].

    Returns:
        [N, O]: 1 / sqrt(sum over I, K, K of (weight · styles)²). The sum over the kernel does not depend on the
        style, so no weights are made per picture.

    Source: arXiv:1912.04958, equation 3.
    """
    energy = weight.square().sum(dim=(2, 3))  # [O, I]
    return (styles.square() @ energy.t() + 1e-8).rsqrt()


def as_rows(x: Tensor) -> Tensor:
    """Feature maps [N, C, H, W] as matrices [N, H·W, C]; a view if they lie channels-last."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def as_maps(x: Tensor, sides: torch.Size) -> Tensor:
    """Undo `as_rows`."""
    return x.reshape(len(x), *sides, -1).permute(0, 3, 1, 2)


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias and leaky ReLU.

    The modulation scales the input, the demodulation the output, and one shared weight serves the whole batch.
    Per-picture weights would be the same function at a multiple of the cost, above all in second derivatives.

    Args:
        in_channels: I.
        out_channels: O.
        w_dim: W.
        resolution: side of the result in pixels.
        up: 2 doubles the side.
        clamp: clip the result to ± this.
    """

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, *, w_dim: int, resolution: int, up: int, clamp: float | None
    ) -> None:
        super().__init__()
        self.resolution, self.up, self.clamp = resolution, up, clamp
        self.register_buffer("resample_filter", fir_filter())
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = conv_weight(out_channels, in_channels, 3, transposed=up == 2)
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Features, w: Tensor, how: Drawing, *, gain: float = 1.0) -> Features:
        """Map [N, I, H, W] and style code [N, W] to [N, O, R, R], scaled by `gain`."""
        styles = self.affine(w)
        y = self._convolve(x.modulated(styles))
        scale = demodulation(self.weight, styles)  # the leaky ReLU lets it through, so it comes last
        y = activate(self._shift(y, 1 / scale, how), lrelu=True, clamp=None)
        made = Features(y, scale * (LRELU_GAIN * gain))
        if self.clamp is None:
            return made
        return Features(activate(made.settled(), lrelu=False, clamp=self.clamp * gain))

    def _convolve(self, x: Tensor) -> Tensor:
        if self.up == 1:
            return conv2d(x, cast_weight(self.weight, x.dtype), padding=1)
        weight = cast_weight(self.weight.transpose(0, 1), x.dtype)
        grown = conv_transpose2d(x, weight, stride=2)  # side 2H + 1
        return upfirdn2d(grown, self.resample_filter, padding=(1, 1, 1, 1), gain=4.0)

    def _shift(self, y: Tensor, factors: Tensor, how: Drawing) -> Tensor:
        """Add bias and noise, both times `factors` [N, O], in one pass: the product of [N, R·R, 2] and [N, 2, O]."""
        if how.noise_mode == "none":
            return y + _over_maps(self.bias * factors, y)
        noise = self._noise(y, how).to(y.dtype).expand(len(y), 1, -1, -1).reshape(len(y), -1)
        maps = torch.stack([noise, torch.ones_like(noise)], dim=2)
        strengths = torch.stack([self.noise_strength * factors, self.bias * factors], dim=1)
        return as_maps(torch.baddbmm(as_rows(y), maps, strengths.to(y.dtype)), y.shape[2:])

    def _noise(self, x: Tensor, how: Drawing) -> Tensor:
        if how.noise_mode == "const":
            return self.noise_const
        return torch.randn(x.shape[0], 1, self.resolution, self.resolution, device=x.device, generator=how.rng)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution, without demodulation, to a picture's channels."""

    def __init__(self, in_channels: int, out_channels: int, *, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = conv_weight(out_channels, in_channels, 1)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.weight_gain = 1 / math.sqrt(in_channels)

    def forward(self, x: Features, w: Tensor) -> Tensor:
        """Map [N, I, H, W] and style code [N, W] to [N, O, H, W]."""
        styles = x.scaled(self.affine(w) * self.weight_gain)
        weight = self.weight[:, :, 0, 0].t() * styles[:, :, None]  # [N, I, O]
        y = torch.baddbmm(self.bias.to(x.maps.dtype), as_rows(x.maps), weight.to(x.maps.dtype))
        return activate(as_maps(y, x.maps.shape[2:]), lrelu=False, clamp=self.clamp)


class SynthesisBlock(nn.Module):
    """All layers of one side: two convolutions (one at 4 px) and, where the form asks for it, a picture."""

    resample_filter: Tensor

    def __init__(self, config: GeneratorConfig, resolution: int) -> None:
        super().__init__()
        self.resolution, self.architecture = resolution, config.architecture
        self.has_picture = config.architecture == "skip" or resolution == config.resolution
        self.is_first = resolution == 4
        self.num_convs = 1 if self.is_first else 2
        out = config.channels(resolution)
        self.register_buffer("resample_filter", fir_filter())
        if self.is_first:
            self.const = nn.Parameter(torch.randn(out, 4, 4))
        else:
            self._add_growth(config, config.channels(resolution // 2), out)
        self.conv1 = SynthesisLayer(
            out, out, w_dim=config.w_dim, resolution=resolution, up=1, clamp=config.conv_clamp
        )
        if self.has_picture:
            self.torgb = ToRGB(out, config.img_channels, w_dim=config.w_dim, clamp=config.conv_clamp)

    def _add_growth(self, config: GeneratorConfig, before: int, out: int) -> None:
        self.conv0 = SynthesisLayer(
            before, out, w_dim=config.w_dim, resolution=self.resolution, up=2, clamp=config.conv_clamp
        )
        if self.architecture == "resnet":
            self.skip = Conv2d(before, out, kernel_size=1, bias=False, up=2)

    def forward(
        self, x: Features | None, img: Tensor | None, ws: Tensor, how: Drawing
    ) -> tuple[Features, Tensor | None]:
        """Advance features and picture by one block.

        Args:
            x: features of the block before, [N, I, R / 2, R / 2]; None for the first.
            img: picture so far, [N, P, R / 2, R / 2], float32.
            ws: style codes from this block's first layer on, [N, ≥ layers, W].
            how: see `SynthesisNetwork`.

        Returns:
            Features [N, O, R, R] and picture [N, P, R, R] or None.
        """
        x = self._features(x, ws, how)
        if img is not None:
            img = upsample2d(img, self.resample_filter)
        if self.has_picture:
            y = self.torgb(x, ws[:, self.num_convs]).float()
            img = y if img is None else img + y
        return x, img

    def _features(self, x: Features | None, ws: Tensor, how: Drawing) -> Features:
        if x is None:
            const = self.const.to(how.dtype).expand(ws.shape[0], -1, -1, -1)
            x = Features(const.contiguous(memory_format=torch.channels_last))
            return self.conv1(x, ws[:, 0], how)  # type: ignore[no-any-return]
        if self.architecture != "resnet":
            x = self.conv0(x, ws[:, 0], how)
            return self.conv1(x, ws[:, 1], how)  # type: ignore[no-any-return]
        halved = math.sqrt(0.5)  # keeps the sum of two branches at unit variance
        y = self.skip(x.settled(), gain=halved)
        x = self.conv0(x, ws[:, 0], how)
        return Features(y + self.conv1(x, ws[:, 1], how, gain=halved).settled())


class SynthesisNetwork(nn.Module):
    """Style codes [N, L, W] to pictures [N, P, R, R] in about [-1, 1]."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.block_names = [f"b{resolution}" for resolution in block_resolutions(config.resolution)]
        for name in self.block_names:
            self.add_module(name, SynthesisBlock(config, int(name[1:])))

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "random",
        rng: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Draw pictures.

        Args:
            ws: style codes, [N, L, W] with L = `config.num_ws`, float32.
            noise_mode: "random" draws the fine detail anew, "const" takes the stored maps, "none" leaves it out.
            rng: source of random noise; torch's own if not given.
            dtype: to compute features in; the picture is summed in float32.

        Returns:
            [N, P, R, R], float32.

        Raises:
            ShapeError: `ws` does not fit this network.
        """
        wanted = (self.config.num_ws, self.config.w_dim)
        if ws.ndim != 3 or ws.shape[1:] != wanted:
            raise ShapeError(f"ws is {list(ws.shape)}: this network wants [N, {wanted[0]}, {wanted[1]}]")
        how = Drawing(noise_mode, rng, dtype)
        x: Features | None = None
        img: Tensor | None = None
        layer = 0
        for name in self.block_names:
            block = cast(SynthesisBlock, self.get_submodule(name))
            x, img = block(x, img, ws[:, layer:], how)
            layer += block.num_convs
        assert img is not None
        return img
