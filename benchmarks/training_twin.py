"""The slow twin of our networks: the same numbers by the plain road that StyleGAN2's PyTorch release takes on a CPU.

float32 in torch's own layout; resampling by inserted zeros, padding and a depthwise convolution; demodulation from
per-picture weights; bias, noise, activation and gain one by one; torch's own second derivatives. Modulation in either
of two forms: "scaled" scales features around one shared weight, as that release does while it trains; "grouped"
convolves every picture with weights of its own, as it does for inference and as the paper's figure has it.
Written from the papers, as the yardstick for `benchmarks/training.py` and as an independent check of the networks.
"""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from nobodies.networks.discriminator import Discriminator, DiscriminatorBlock, minibatch_std
from nobodies.networks.generator import Generator
from nobodies.networks.layers import Conv2d, FullyConnected
from nobodies.networks.synthesis import SynthesisBlock, SynthesisLayer, ToRGB

GAIN = math.sqrt(2)

Form = Literal["scaled", "grouped"]


def resample(
    x: Tensor, kernel: Tensor, *, up: int = 1, down: int = 1, pad: tuple[int, int], gain: float = 1
) -> Tensor:
    """Insert zeros, pad both axes alike, convolve each channel, drop."""
    n, c, h, w = x.shape
    apart = x.reshape(n, c, h, 1, w, 1)
    apart = functional.pad(apart, [0, up - 1, 0, 0, 0, up - 1]).reshape(n, c, h * up, w * up)
    apart = functional.pad(apart, [*pad, *pad])
    weight = (kernel * gain).flip([0, 1])[None, None].repeat(c, 1, 1, 1)
    return functional.conv2d(apart, weight, groups=c)[:, :, ::down, ::down]


def activated(x: Tensor, bias: Tensor, *, gain: float = GAIN) -> Tensor:
    """Bias, leaky ReLU, gain."""
    return functional.leaky_relu(x + bias.reshape(1, -1, 1, 1), 0.2) * gain


def fully_connected(layer: FullyConnected, x: Tensor) -> Tensor:
    """One dense layer."""
    y = functional.linear(x, layer.weight * layer.weight_gain, layer.bias * layer.bias_gain)
    return functional.leaky_relu(y, 0.2) * GAIN if layer.lrelu else y


def modulated(layer: SynthesisLayer, x: Tensor, w: Tensor, noise: Tensor, form: Form) -> Tensor:
    """Modulated convolution with noise."""
    styles = fully_connected(layer.affine, w)
    weights = layer.weight[None] * styles[:, None, :, None, None]  # [N, O, I, K, K]
    demodulation = (weights.square().sum(dim=[2, 3, 4]) + 1e-8).rsqrt()
    if form == "grouped":
        x = grouped(x, weights * demodulation[:, :, None, None, None], up=layer.up)
    elif layer.up == 2:
        x = functional.conv_transpose2d(x * styles[:, :, None, None], layer.weight.transpose(0, 1), stride=2)
    else:
        x = functional.conv2d(x * styles[:, :, None, None], layer.weight, padding=1)
    if layer.up == 2:
        x = resample(x, layer.resample_filter, pad=(1, 1), gain=4)
    if form == "scaled":
        x = x * demodulation[:, :, None, None]
    return activated(x + noise * layer.noise_strength, layer.bias)


def grouped(x: Tensor, weights: Tensor, *, up: int) -> Tensor:
    """Convolve each picture with its own weights [N, O, I, K, K]: the batch becomes groups of one large picture."""
    n, out, inner, k, _ = weights.shape
    x = x.reshape(1, n * inner, *x.shape[2:])
    if up == 2:
        weights = weights.transpose(1, 2).reshape(n * inner, out, k, k)
        y = functional.conv_transpose2d(x, weights, stride=2, groups=n)
    else:
        y = functional.conv2d(x, weights.reshape(n * out, inner, k, k), padding=1, groups=n)
    return y.reshape(n, out, *y.shape[2:])


def to_rgb(layer: ToRGB, x: Tensor, w: Tensor) -> Tensor:
    """Features to a picture."""
    styles = fully_connected(layer.affine, w) * layer.weight_gain
    y = functional.conv2d(x * styles[:, :, None, None], layer.weight)
    return y + layer.bias.reshape(1, -1, 1, 1)


def synthesize(generator: Generator, ws: Tensor, *, random: bool, form: Form = "scaled") -> Tensor:
    """Draw pictures with the skip form, with random or stored noise."""

    def noise(layer: SynthesisLayer) -> Tensor:
        side = layer.resolution
        return torch.randn(ws.shape[0], 1, side, side) if random else layer.noise_const

    x = img = None
    index = 0
    for name in generator.synthesis.block_names:
        block = generator.synthesis.get_submodule(name)
        assert isinstance(block, SynthesisBlock)
        if x is None:
            x = block.const[None].repeat(ws.shape[0], 1, 1, 1)
        else:
            x = modulated(block.conv0, x, ws[:, index], noise(block.conv0), form)
            index += 1
        x = modulated(block.conv1, x, ws[:, index], noise(block.conv1), form)
        index += 1
        y = to_rgb(block.torgb, x, ws[:, index])
        img = y if img is None else resample(img, block.resample_filter, up=2, pad=(2, 1), gain=4) + y
    assert img is not None
    return img


def convolve(layer: Conv2d, x: Tensor, *, gain: float = 1) -> Tensor:
    """One layer of the discriminator."""
    weight = layer.weight * layer.weight_gain
    if layer.down == 1:
        x = functional.conv2d(x, weight, padding=layer.padding)
    elif layer.padding == 0:
        x = functional.conv2d(resample(x, layer.resample_filter, down=2, pad=(1, 1)), weight)
    else:
        x = functional.conv2d(resample(x, layer.resample_filter, pad=(2, 2)), weight, stride=2)
    return activated(x, layer.bias, gain=GAIN * gain) if layer.bias is not None else x * gain


def discriminate(discriminator: Discriminator, img: Tensor) -> Tensor:
    """Judge pictures with the residual form."""
    x = None
    for name in discriminator.block_names:
        block = discriminator.get_submodule(name)
        assert isinstance(block, DiscriminatorBlock)
        if x is None:
            x = convolve(block.fromrgb, img)
        y = convolve(block.skip, x, gain=math.sqrt(0.5))
        x = y + convolve(block.conv1, convolve(block.conv0, x), gain=math.sqrt(0.5))
    assert x is not None
    end = discriminator.b4
    x = minibatch_std(x, group_size=end.group_size, num_channels=end.num_channels)
    return fully_connected(end.out, fully_connected(end.fc, convolve(end.conv, x).flatten(1)))
