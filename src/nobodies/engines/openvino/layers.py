"""The steps of the synthesis network as OpenVINO operations, arranged for speed on a CPU.

They compute what `nobodies.engines.reference` computes. What is done differently, and why, with the gain of each in
docs/log/engine.md:

- The scale that a style gives to a channel commutes with a depthwise convolution, so it is put on the kernels, which
  are tiny, and not on the feature map. Only the scale before a Haar transform stays where it is.
- The inverse Haar transform is four sums and differences; its factor 1/2 goes into the scales. The interleaving of
  the four results is written as concatenation of rows, which in the engine's channels-last layout copies whole runs.
- The last Haar transform follows a linear layer and is multiplied into that layer's weights, as are the factor and
  offset that lead to the range of bytes.
- A noise map is one channel that all channels are given. Added directly, it costs a slow pass over the feature map.
  Spread over the channels by a convolution with weights of one, together with the bias, it is added while the
  pointwise convolution writes its result, along with the activation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as op

from nobodies.engines.openvino.grid import Grid
from nobodies.engines.openvino.ops import constant, convolve, cut, integers
from nobodies.engines.openvino.strips import Rows
from nobodies.models.architectures.mobile_stylegan import NUM_SUBBANDS, Block

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layers:
    """Applies layers to feature maps, which are nodes of a graph that is being built."""

    tensors: Mapping[str, Array]
    """Weights by name."""
    scales: Mapping[str, Any]
    """Scale of each modulated channel by layer, [1, C]; halved before a Haar transform."""
    noise: Mapping[str, Any]
    """Noise maps by layer, [1, 1, R, R]."""
    lrelu_slope: float
    grid: Grid | None = None
    """What is to be taken out of the picture."""

    def first(self) -> Any:
        """Start from the learned constant; gives [1, C, 4, 4]."""
        layer = "synthesis.b4.conv1"
        x = op.multiply(constant(self.tensors["synthesis.b4.const"][None]), self._scale(layer, 1, -1, 1, 1))
        y = convolve(x, constant(self.tensors[f"{layer}.weight"]), padding=1)
        return self._activated(y, layer, Rows(0, 4, 4))

    def block(self, x: Any, block: Block, rows: Rows, offset: int = 0) -> Any:
        """Double the side and convolve twice.

        Args:
            x: subbands, [1, 4C, H, W].
            block: which block.
            rows: the rows of its input to work on.
            offset: the row that `x` begins with.

        Returns:
            [1, O, H', 2W], with two rows less at each cut than the doubled input.
        """
        x = self._upsampled(x, block, rows, offset)
        rows = rows.doubled()
        for layer in (f"{block.name}.conv0", f"{block.name}.conv1"):
            x = self._depthwise(x, layer, rows)
            rows = rows.shrunk()
            x = convolve(x, constant(self.tensors[f"{layer}.pointwise.weight"]))
            x = self._activated(x, layer, rows)
        return x

    def to_rgb(self, x: Any) -> Any:
        """Turn features [1, C, H, W] into a picture [1, 3, 2H, 2W], about -1 to 1."""
        return op.depth_to_space(self._colours(x, slice(None), factor=1.0, offset=0.0), "blocks_first", 2)

    def to_bytes(self, x: Any) -> Any:
        """Turn features [1, C, H, W] into a picture [1, 2H, 2W, 3] of bytes.

        Even and odd lines are convolved apart. Each result then has its pixels in the order of the picture. If there
        is a grid, H is half a whole number of its blocks.
        """
        height, width = x.get_output_shape(0)[2:]
        lines = []
        for phases in (slice(0, 6), slice(6, 12)):
            levels = to_levels(self._colours(x, phases, factor=127.5, offset=127.5))
            line = op.transpose(levels, integers(0, 2, 3, 1))
            lines.append(op.reshape(line, integers(1, height, 1, 6 * width), False))
        picture = op.reshape(op.concat(lines, 2), integers(1, 2 * height, 2 * width, 3), False)
        return picture if self.grid is None else self.grid.out_of_bytes(picture)

    def _scale(self, layer: str, *shape: int) -> Any:
        return op.reshape(self.scales[layer], integers(*shape), False)

    def _upsampled(self, x: Any, block: Block, rows: Rows, offset: int) -> Any:
        """Scale the subbands [1, 4C, H, W] and put them together to [1, C, 2H, 2W]."""
        channels, width = block.subband_channels, block.size_px // 2
        first, last = rows.first - offset, rows.last - offset
        axis = op.constant(np.int64(1))
        scales = op.split(self._scale(f"{block.name}.up", 1, -1, 1, 1), axis, NUM_SUBBANDS).outputs()
        ll, lh, hl, hh = (
            op.multiply(cut(x, [channels * band, first], [channels * (band + 1), last], [1, 2]), scales[band])
            for band in range(NUM_SUBBANDS)
        )
        top, bottom = op.add(ll, lh), op.subtract(ll, lh)
        top_detail, bottom_detail = op.add(hl, hh), op.subtract(hl, hh)
        lines = [
            _interleaved(op.add(low, high), op.subtract(low, high), rows.count, width, channels)
            for low, high in ((top, top_detail), (bottom, bottom_detail))
        ]
        y = op.reshape(op.concat(lines, 2), integers(1, 2 * rows.count, 2 * width, channels), False)
        return op.transpose(y, integers(0, 3, 1, 2))

    def _depthwise(self, x: Any, layer: str, rows: Rows) -> Any:
        """Convolve each channel with its own kernel, scaled; zeros only beyond the edges of the picture."""
        kernels = self.tensors[f"{layer}.depthwise.weight"][:, :, None]  # [C, 1, 1, 3, 3]
        scaled = op.multiply(constant(kernels), self._scale(layer, -1, 1, 1, 1, 1))
        top, bottom = int(rows.starts_at_edge), int(rows.ends_at_edge)
        return op.group_convolution(x, scaled, [1, 1], [top, 1], [bottom, 1], [1, 1])

    def _activated(self, x: Any, layer: str, rows: Rows) -> Any:
        """Add noise and bias to [1, O, H, W] and apply the leaky ReLU."""
        noise = self.noise[layer]
        if rows.count != rows.size:
            noise = cut(noise, [rows.first], [rows.last], [2])
        bias = self.tensors[f"{layer}.bias"]
        ones = np.ones((len(bias), 1, 1, 1))
        spread = op.add(convolve(noise, constant(ones)), constant(bias[None, :, None, None]))
        return op.prelu(op.add(x, spread), constant([self.lrelu_slope]))

    def _colours(self, x: Any, phases: slice, *, factor: float, offset: float) -> Any:
        """Turn features into colours times `factor` plus `offset`, with one more Haar transform.

        Args:
            x: features, [1, C, H, W].
            phases: which of the 12 results, in the order row, column, colour.
            factor: applied to colours of about -1 to 1.
            offset: added to that.

        Returns:
            [1, P, H, W], P the number of phases.
        """
        layer = "synthesis.torgb"
        weight, bias = (_haar_folded(self.tensors[f"{layer}.{part}"])[phases] for part in ("weight", "bias"))
        scaled = op.multiply(constant(weight * np.float32(factor)), self._scale(layer, 1, -1, 1, 1))
        shift = constant((bias * np.float32(factor) + np.float32(offset))[None, :, None, None])
        return op.add(convolve(x, scaled), shift)


def to_levels(values: Any) -> Any:
    """Round numbers of 0 to 255 to bytes."""
    return op.convert(op.round(op.clamp(values, 0, 255), "half_to_even"), "u8")


def _interleaved(even: Any, odd: Any, height: int, width: int, channels: int) -> Any:
    """Interleave even and odd columns, each [1, C, H, W], to lines [1, H, 1, W, 2C]."""
    y = op.transpose(op.concat([even, odd], 1), integers(0, 2, 3, 1))
    return op.reshape(y, integers(1, height, 1, width, 2 * channels), False)


def _haar_folded(subbands: Array) -> Array:
    """Multiply the inverse Haar transform into weights whose first axis holds the subbands in block order."""
    ll, lh, hl, hh = np.split(subbands * np.float32(0.5), NUM_SUBBANDS)
    return np.concatenate([ll + lh + hl + hh, ll + lh - hl - hh, ll - lh + hl - hh, ll - lh - hl + hh])
