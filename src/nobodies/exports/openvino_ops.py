"""The operations of exports as nodes of OpenVINO."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as op

from nobodies.engines.openvino.lucidrains import interpolated, reflected
from nobodies.engines.openvino.ops import constant, integers

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OpenVinoOps:
    """Makes OpenVINO's nodes."""

    def constant(self, values: Array) -> Any:
        return constant(values)

    def add(self, a: Any, b: Any) -> Any:
        return op.add(a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        return op.subtract(a, b)

    def multiply(self, a: Any, b: Any) -> Any:
        return op.multiply(a, b)

    def divide(self, a: Any, b: Any) -> Any:
        return op.divide(a, b)

    def sqrt(self, x: Any) -> Any:
        return op.sqrt(x)

    def row_mean(self, x: Any) -> Any:
        return op.reduce_mean(x, integers(1), True)

    def matmul(self, x: Any, weight: Array) -> Any:
        return op.matmul(x, constant(weight), False, True)

    def leaky_relu(self, x: Any, slope: float) -> Any:
        return op.prelu(x, constant([slope]))

    def clip(self, x: Any, limit: float) -> Any:
        return op.clamp(x, -limit, limit)

    def convolve(self, x: Any, weight: Array, *, padding: int = 0, groups: int = 1) -> Any:
        pads = [padding, padding]
        if groups == 1:
            return op.convolution(x, constant(weight), [1, 1], pads, pads, [1, 1])
        split = weight.reshape(groups, -1, *weight.shape[1:])
        return op.group_convolution(x, constant(split), [1, 1], pads, pads, [1, 1])

    def grow(self, x: Any, weight: Array) -> Any:
        return op.convolution_backprop_data(
            x, constant(weight), [2, 2], pads_begin=[0, 0], pads_end=[0, 0], dilations=[1, 1]
        )

    def interpolate(self, x: Any) -> Any:
        return interpolated(x)

    def reflect(self, x: Any) -> Any:
        return reflected(x)

    def as_channels(self, x: Any, channels: int) -> Any:
        return op.reshape(x, integers(-1, channels, 1, 1), False)

    def layer_code(self, ws: Any, layer: int) -> Any:
        return op.gather(ws, op.constant(np.int64(layer)), op.constant(np.int64(1)))

    def bands(self, x: Any, count: int) -> Sequence[Any]:
        outputs: Sequence[Any] = op.split(x, op.constant(np.int64(1)), count).outputs()
        return outputs

    def concat(self, parts: Sequence[Any]) -> Any:
        return op.concat(list(parts), 1)

    def phases_to_space(self, x: Any) -> Any:
        return op.depth_to_space(x, "blocks_first", 2)

    def planes(self, x: Any) -> Any:
        return x

    def from_planes(self, x: Any) -> Any:
        return x

    def reshape(self, x: Any, *shape: int) -> Any:
        return op.reshape(x, integers(*shape), False)

    def swap(self, x: Any) -> Any:
        return op.transpose(x, integers(0, 2, 1, 3))

    def mean(self, x: Any) -> Any:
        return op.reduce_mean(x, integers(1), True)
