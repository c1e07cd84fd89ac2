"""The synthesis network of StyleGAN2 as two OpenVINO graphs, arranged for speed on a CPU.

As in `nobodies.engines.openvino.graph`, a coarse graph makes the features at low resolution, the scales of all layers
and, here, the small picture, always in f32; a fine one does the rest. What is done otherwise than on paper:

- No weights are made per picture where that is dear. A style scales channels before a convolution, demodulation
  scales them behind it: whichever is smaller is scaled, the weights or the features.
- A filter of 4 x 4 follows the transposed convolution as a depthwise one; demodulation is put on its kernels, which
  are tiny. The gain behind the leaky ReLU goes into demodulation, bias and noise.
- The picture so far is upsampled by a convolution that makes four phases, at a quarter of the pixels.

Source: StyleGAN2, arXiv:1912.04958, sections 2 and 4, appendix B.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as op

from nobodies.engines.openvino.cuts import Cuts, Output
from nobodies.engines.openvino.layers import to_levels
from nobodies.engines.openvino.ops import constant, convolve, integers
from nobodies.models.architectures.stylegan2 import StyleGan2

Array = NDArray[np.float32]

_EPSILON: Final = 1e-8
_RGB: Final = 3
_TAPS: Final = np.array([1, 3, 3, 1], np.float32) / 4
"""Of the upsampling filter along one axis, with the gain of 2 that the inserted zeros want."""


@dataclass(frozen=True, slots=True)
class StyleGan2Graphs:
    """The two graphs of a StyleGAN2 generator."""

    architecture: StyleGan2
    tensors: Mapping[str, Array]
    cuts: Cuts

    @property
    def num_coarse_maps(self) -> int:
        """How many of the layers that take noise are in the coarse graph."""
        return sum(size <= self._coarse_to_px for _, size in self.architecture.noise_layers)

    def noise(self) -> list[tuple[Array, np.float32]]:
        """Give what is added at each layer that takes noise, and the factor of a standard normal map."""
        layers = [layer for layer, _ in self.architecture.noise_layers]
        gain = np.float32(self.architecture.lrelu_gain)
        strengths = [gain * self.tensors[f"{layer}.noise_strength"] for layer in layers]
        return [
            (strength * self.tensors[f"{layer}.noise_const"], np.float32(strength))
            for layer, strength in zip(layers, strengths, strict=True)
        ]

    def build_coarse(self) -> openvino.Model:
        """Build the coarse graph, which takes style codes [L, W]; see `nobodies.engines.openvino.graphs`."""
        sizes = self.architecture
        ws = op.parameter([sizes.num_ws, sizes.w_dim], np.float32, name="ws")
        codes = op.split(ws, op.constant(np.int64(0)), sizes.num_ws).outputs()
        scales = {layer: self._styles(codes[index], layer) for layer, _, index in sizes.modulated_layers()}
        for layer, _, _, _ in sizes.convolutions:
            scales[_demodulation(layer)] = self._demodulation(layer, scales[layer])
        noise = self._noise_inputs(coarse=True)
        layers = self._layers(scales, noise)
        x, picture = layers.first()
        for size in self._sides(coarse=True):
            x, picture = layers.block(x, picture, size)
        handed_on = [x, picture, *(scales[name] for name, _ in self._fine_scales())]
        return openvino.Model([op.result(each) for each in handed_on], [ws, *noise.values()], "coarse")

    def build_fine(self, output: Output) -> openvino.Model:
        """Build the fine graph; see `nobodies.engines.openvino.graphs`."""
        sizes, start = self.architecture, self._coarse_to_px
        features = op.parameter([1, sizes.channels[start], start, start], np.float32, name="features")
        small = op.parameter([1, _RGB, start, start], np.float32, name="picture")
        scales = {name: op.parameter([1, width], np.float32, name=name) for name, width in self._fine_scales()}
        noise = self._noise_inputs(coarse=False)
        layers = self._layers(scales, noise)
        x, picture = features, small
        for size in self._sides(coarse=False):
            x, picture = layers.block(x, picture, size)
        drawn = picture if output == "float32" else to_bytes(picture)
        inputs = [features, small, *scales.values(), *noise.values()]
        return openvino.Model([op.result(drawn)], inputs, f"fine-{output}")

    def _layers(self, scales: Mapping[str, Any], noise: Mapping[str, Any]) -> "Layers":
        return Layers(self.architecture, self.tensors, scales, noise)

    @property
    def _coarse_to_px(self) -> int:
        """Side at which the coarse graph ends; the last block is always in the fine one."""
        return min(max(4, self.cuts.coarse_to_px), self.architecture.resolution // 2)

    def _sides(self, *, coarse: bool) -> list[int]:
        return [size for size in self.architecture.channels if size > 4 and (size <= self._coarse_to_px) == coarse]

    def _noise_inputs(self, *, coarse: bool) -> dict[str, Any]:
        return {
            layer: op.parameter([1, 1, size, size], np.float32, name=layer)
            for layer, size in self.architecture.noise_layers
            if (size <= self._coarse_to_px) == coarse
        }

    def _fine_scales(self) -> list[tuple[str, int]]:
        """Name and number of channels of each scale that the fine graph takes."""
        prefixes = tuple(f"synthesis.b{size}." for size in self._sides(coarse=False))
        styles = [(layer, width) for layer, width, _ in self.architecture.modulated_layers()]
        behind = [(_demodulation(layer), width) for layer, _, _, width in self.architecture.convolutions]
        return [(name, width) for name, width in (*styles, *behind) if name.startswith(prefixes)]

    def _styles(self, code: Any, layer: str) -> Any:
        """Turn a style code [1, W] into the scales of a layer's channels, [1, C]."""
        weight, bias = (self.tensors[f"{layer}.affine.{part}"] for part in ("weight", "bias"))
        gain = np.float32(1 / math.sqrt(weight.shape[1]))
        behind = np.float32(1 / math.sqrt(weight.shape[0])) if layer.endswith("torgb") else np.float32(1)
        product = op.matmul(code, constant(weight * (gain * behind)), False, True)
        return op.add(product, constant(bias[None] * behind))

    def _demodulation(self, layer: str, styles: Any) -> Any:
        """Give the factors that bring each output back to unit variance, [1, O], times the gain behind it.

        The sum over a kernel does not depend on the style, so it is made once: arXiv:1912.04958, equation 3.
        """
        energy = np.square(self.tensors[f"{layer}.weight"]).sum(axis=(2, 3))  # [O, I]
        total = op.matmul(op.multiply(styles, styles), constant(energy), False, True)
        return op.divide(constant(self.architecture.lrelu_gain), op.sqrt(op.add(total, constant(_EPSILON))))


@dataclass(frozen=True, slots=True)
class Layers:
    """Applies layers to feature maps, which are nodes of a graph that is being built."""

    architecture: StyleGan2
    tensors: Mapping[str, Array]
    scales: Mapping[str, Any]
    """Scale of each modulated channel by layer, [1, C], and those of demodulation, [1, O]."""
    noise: Mapping[str, Any]
    """Noise maps by layer, [1, 1, R, R]."""

    def first(self) -> tuple[Any, Any]:
        """Start from the learned constant; gives features [1, C, 4, 4] and picture [1, 3, 4, 4]."""
        x = self._activated(
            self._same_side(constant(self.tensors["synthesis.b4.const"][None]), "synthesis.b4.conv1", 4),
            "synthesis.b4.conv1",
        )
        return x, self._to_rgb(x, 4)

    def block(self, x: Any, picture: Any, size: int) -> tuple[Any, Any]:
        """Double the side of features and picture: [1, I, R/2, R/2] to [1, O, R, R], [1, 3, …] likewise."""
        up, same = f"synthesis.b{size}.conv0", f"synthesis.b{size}.conv1"
        x = self._activated(self._doubled(x, up, size), up)
        x = self._activated(self._same_side(x, same, size), same)
        return x, op.add(self._picture_doubled(picture), self._to_rgb(x, size))

    def _scale(self, name: str, *shape: int) -> Any:
        return op.reshape(self.scales[name], integers(*shape), False)

    def _same_side(self, x: Any, layer: str, size: int) -> Any:
        weight = self.tensors[f"{layer}.weight"]
        if weight.size < size * size * sum(weight.shape[:2]):
            scaled = op.multiply(constant(weight), self._scale(layer, 1, -1, 1, 1))
            return convolve(x, op.multiply(scaled, self._scale(_demodulation(layer), -1, 1, 1, 1)), padding=1)
        y = convolve(op.multiply(x, self._scale(layer, 1, -1, 1, 1)), constant(weight), padding=1)
        return op.multiply(y, self._scale(_demodulation(layer), 1, -1, 1, 1))

    def _doubled(self, x: Any, layer: str, size: int) -> Any:
        weight = np.ascontiguousarray(self.tensors[f"{layer}.weight"].transpose(1, 0, 2, 3))  # [I, O, 3, 3]
        x = op.multiply(x, self._scale(layer, 1, -1, 1, 1))
        grown = op.convolution_backprop_data(
            x, constant(weight), [2, 2], pads_begin=[0, 0], pads_end=[0, 0], dilations=[1, 1]
        )
        kernels = np.broadcast_to(np.outer(_TAPS, _TAPS), (weight.shape[1], 1, 1, 4, 4))
        filters = op.multiply(constant(kernels), self._scale(_demodulation(layer), -1, 1, 1, 1, 1))
        return op.group_convolution(grown, filters, [1, 1], [1, 1], [1, 1], [1, 1])

    def _picture_doubled(self, picture: Any) -> Any:
        return upsampled(picture)

    def _activated(self, x: Any, layer: str) -> Any:
        """Add noise and bias to [1, O, R, R], apply the leaky ReLU, and clip if the network does."""
        bias = self.tensors[f"{layer}.bias"] * np.float32(self.architecture.lrelu_gain)
        strengths = self._noise_strengths(layer).reshape(-1, 1, 1, 1)
        spread = op.add(convolve(self.noise[layer], constant(strengths)), constant(bias[None, :, None, None]))
        y = op.prelu(op.add(x, spread), constant([self.architecture.lrelu_slope]))
        return self._clipped(y)

    def _noise_strengths(self, layer: str) -> Array:
        """Give what each channel, [O], takes of the noise map, which has been multiplied by the layer's strength."""
        return np.ones_like(self.tensors[f"{layer}.bias"])

    def _to_rgb(self, x: Any, size: int) -> Any:
        layer = f"synthesis.b{size}.torgb"
        weight, bias = (_coloured(self.tensors[f"{layer}.{part}"]) for part in ("weight", "bias"))
        scaled = op.multiply(constant(weight), self._scale(layer, 1, -1, 1, 1))
        return self._clipped(op.add(convolve(x, scaled), constant(bias[None, :, None, None])))

    def _clipped(self, x: Any) -> Any:
        clamp = self.architecture.conv_clamp
        return x if clamp is None else op.clamp(x, -clamp, clamp)


def upsampled(picture: Any) -> Any:
    """Double the side of [1, 3, H, W] by the filter 1 3 3 1; zeros lie beyond the edges."""
    phases = np.zeros((2, 3), np.float32)
    phases[0, :2], phases[1, 1:] = _TAPS[[0, 2]], _TAPS[[1, 3]]  # weights of the pixels before, at and after
    weight = np.zeros((2, 2, _RGB, _RGB, 3, 3), np.float32)
    for row in range(2):
        for column in range(2):
            kernel = np.outer(phases[row], phases[column])
            weight[row, column] = np.eye(_RGB, dtype=np.float32)[:, :, None, None] * kernel
    return op.depth_to_space(
        convolve(picture, constant(weight.reshape(-1, _RGB, 3, 3)), padding=1), "blocks_first", 2
    )


def to_bytes(picture: Any) -> Any:
    """Turn [1, 3, R, R], about -1 to 1, into bytes [1, R, R, 3]."""
    levels = op.add(op.multiply(picture, constant(127.5)), constant(127.5))
    return op.transpose(to_levels(levels), integers(0, 2, 3, 1))


def _demodulation(layer: str) -> str:
    return f"{layer}.demodulation"


def _coloured(values: Array) -> Array:
    """Give a grey network's layer to colours, [1, ...], the same colour three times."""
    return np.repeat(values, _RGB, axis=0) if len(values) == 1 else values
