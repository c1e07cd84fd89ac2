"""Layers with equalised learning rate: weights are unit normal and scaled where they are used.

Source: progressive growing, arXiv:1710.10196, section 4.1; the gains are those of StyleGAN2, arXiv:1912.04958.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from nobodies.networks.convolution import conv2d, conv2d_lrelu
from nobodies.networks.resampling import downsample2d, fir_filter, upfirdn2d, upsample2d

SLOPE = 0.2
"""Of the leaky ReLU below zero."""

LRELU_GAIN = math.sqrt(2)
"""Restores unit variance behind the leaky ReLU."""


class FullyConnected(nn.Module):
    """x [N, I] to [N, O].

    Args:
        in_features: I.
        out_features: O.
        lrelu: follow with a leaky ReLU of unit variance.
        lr_multiplier: learn so many times as fast as the optimiser says.
        bias_init: initial bias.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        lrelu: bool = False,
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.lrelu = lrelu
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), bias_init / lr_multiplier))
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, I] to [N, O]."""
        y = torch.addmm(self.bias, x, self.weight.t(), beta=self.bias_gain, alpha=self.weight_gain)
        return functional.leaky_relu(y, SLOPE) * LRELU_GAIN if self.lrelu else y


class Conv2d(nn.Module):
    """Convolution with optional resampling by 2 and leaky ReLU.

    Gains are folded into weight and bias, which costs nothing: the leaky ReLU lets positive factors through.

    Args:
        in_channels: I.
        out_channels: O.
        kernel_size: 1 or 3.
        bias: add one number a feature map.
        lrelu: follow with a leaky ReLU of unit variance.
        up: 2 doubles the side (kernel size 1 without activation only).
        down: 2 halves it.
        clamp: clip the result to ± this.
    """

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int,
        bias: bool = True,
        lrelu: bool = False,
        up: int = 1,
        down: int = 1,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        assert up == 1 or (kernel_size == 1 and not lrelu), "other layers that grow are modulated: see synthesis"
        self.lrelu, self.up, self.down, self.clamp = lrelu, up, down, clamp
        self.weight = conv_weight(out_channels, in_channels, kernel_size)
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.register_buffer("resample_filter", fir_filter())
        self.padding = kernel_size // 2
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2)

    def forward(self, x: Tensor, *, gain: float = 1.0) -> Tensor:
        """Map [N, I, H, W] to [N, O, H', W'], scaled by `gain`."""
        clamp = None if self.clamp is None else self.clamp * gain
        if self.lrelu:
            gain = gain * LRELU_GAIN
        weight = cast_weight(self.weight, x.dtype, gain=self.weight_gain * gain)
        bias = None if self.bias is None else (self.bias * gain).to(x.dtype)
        y = self._resample(x, weight, bias)
        return activate(y, lrelu=False, clamp=clamp)

    def _resample(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.down == 1:
            y = self._convolve(x, weight, bias, padding=self.padding)
            return upsample2d(y, self.resample_filter) if self.up == 2 else y
        if self.padding == 0:  # 1x1: filter and drop first, so that fewer pixels are convolved
            return self._convolve(downsample2d(x, self.resample_filter), weight, bias)
        x = upfirdn2d(x, self.resample_filter, padding=(2, 2, 2, 2))
        return self._convolve(x, weight, bias, stride=2)

    def _convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int = 1, padding: int = 0
    ) -> Tensor:
        if self.lrelu and bias is not None:
            return conv2d_lrelu(x, weight, bias, slope=SLOPE, stride=stride, padding=padding)
        y = conv2d(x, weight, bias, stride=stride, padding=padding)
        return activate(y, lrelu=self.lrelu, clamp=None)


def conv_weight(out_channels: int, in_channels: int, kernel_size: int, *, transposed: bool = False) -> nn.Parameter:
    """Unit normal weight of a convolution, [O, I, K, K], laid out channels-last, as the fast path wants it.

    Its gradient and Adam's moments share its layout, so none of them is ever rearranged. With `transposed` it is
    [I, O, K, K] that lies channels-last.
    """
    weight = torch.randn(out_channels, in_channels, kernel_size, kernel_size)
    if transposed:
        weight = weight.transpose(0, 1).contiguous(memory_format=torch.channels_last).transpose(0, 1)
    else:
        weight = weight.contiguous(memory_format=torch.channels_last)
    return nn.Parameter(weight)


def cast_weight(weight: Tensor, dtype: torch.dtype, *, gain: float = 1.0) -> Tensor:
    """Scale a convolution's weight and bring it to the type of the features."""
    scaled = weight if gain == 1.0 else weight * gain
    return scaled.to(dtype=dtype, memory_format=torch.channels_last)


def activate(x: Tensor, *, lrelu: bool, clamp: float | None) -> Tensor:
    """Leaky ReLU and clipping, each if asked for. No gain: see `Conv2d`."""
    if lrelu:
        x = functional.leaky_relu(x, SLOPE)
    return x if clamp is None else x.clamp(-clamp, clamp)
