"""The slow twin for speed: StyleGAN2's synthesis in the form of the original PyTorch release, at f32.

Weights are made per picture and run as one grouped convolution; a transposed convolution grows the picture, and a
filter of 4 x 4 follows as a convolution of its own; bias, activation and gain are a pass each. Only the form is the
original's: the code is written anew, from the paper (arXiv:1912.04958, section 2 and appendix B).
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

_SLOPE = 0.2
_GAIN = math.sqrt(2)


class OriginalForm:
    """Style codes [N, L, W] to pictures [N, 3, R, R], one layer after the other."""

    def __init__(self, tensors: Mapping[str, Tensor], resolution: int) -> None:
        """Take tensors under the official parameter names."""
        self._tensors, self._resolution = tensors, resolution
        line = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self._filter = torch.outer(line, line) / 64

    @torch.no_grad()
    def __call__(self, ws: Tensor) -> Tensor:
        """Draw pictures with the stored noise."""
        x = self._tensors["synthesis.b4.const"].expand(len(ws), -1, -1, -1)
        x = self._layer(x, ws[:, 0], "synthesis.b4.conv1", up=1)
        picture = self._to_rgb(x, ws[:, 1], "synthesis.b4.torgb")
        size, layer = 8, 1
        while size <= self._resolution:
            block = f"synthesis.b{size}"
            x = self._layer(x, ws[:, layer], f"{block}.conv0", up=2)
            x = self._layer(x, ws[:, layer + 1], f"{block}.conv1", up=1)
            picture = self._upsampled(picture) + self._to_rgb(x, ws[:, layer + 2], f"{block}.torgb")
            size, layer = 2 * size, layer + 2
        return picture

    def _layer(self, x: Tensor, w: Tensor, name: str, *, up: int) -> Tensor:
        weight = self._tensors[f"{name}.weight"]
        x = self._modulated(x, weight, self._styles(w, name), demodulate=True, up=up)
        x = x + self._tensors[f"{name}.noise_const"] * self._tensors[f"{name}.noise_strength"]
        x = x + self._tensors[f"{name}.bias"][None, :, None, None]
        return functional.leaky_relu(x, _SLOPE) * _GAIN

    def _to_rgb(self, x: Tensor, w: Tensor, name: str) -> Tensor:
        weight = self._tensors[f"{name}.weight"]
        styles = self._styles(w, name) / math.sqrt(weight.shape[1])
        x = self._modulated(x, weight, styles, demodulate=False, up=1)
        return x + self._tensors[f"{name}.bias"][None, :, None, None]

    def _styles(self, w: Tensor, name: str) -> Tensor:
        weight, bias = (self._tensors[f"{name}.affine.{part}"] for part in ("weight", "bias"))
        return torch.addmm(bias, w, weight.t() / math.sqrt(w.shape[1]))

    def _modulated(self, x: Tensor, weight: Tensor, styles: Tensor, *, demodulate: bool, up: int) -> Tensor:
        count, inputs, height, width = x.shape
        outputs, _, size, _ = weight.shape
        weights = weight[None] * styles[:, None, :, None, None]  # [N, O, I, K, K]
        if demodulate:
            weights = weights * (weights.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x = x.reshape(1, count * inputs, height, width)
        if up == 1:
            y = functional.conv2d(
                x, weights.reshape(count * outputs, inputs, size, size), padding=size // 2, groups=count
            )
            return y.reshape(count, outputs, height, width)
        turned = weights.transpose(1, 2).reshape(count * inputs, outputs, size, size)
        grown = functional.conv_transpose2d(x, turned, stride=2, groups=count)
        y = self._filtered(functional.pad(grown, [1, 1, 1, 1])) * 4
        return y.reshape(count, outputs, 2 * height, 2 * width)

    def _upsampled(self, picture: Tensor) -> Tensor:
        count, channels, height, width = picture.shape
        spread = picture.new_zeros(count, channels, height, 2, width, 2)
        spread[:, :, :, 0, :, 0] = picture
        spread = functional.pad(spread.reshape(count, channels, 2 * height, 2 * width), [2, 1, 2, 1])
        return self._filtered(spread) * 4

    def _filtered(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return functional.conv2d(x, self._filter.expand(channels, 1, 4, 4), groups=channels)
