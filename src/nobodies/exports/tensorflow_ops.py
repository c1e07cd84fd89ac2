"""The operations of exports as calls of TensorFlow.

Feature maps are [N, H, W, C] inside, the only order in which TensorFlow convolves on a CPU. Constants with four axes
are turned on their way in, and the picture on its way out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TensorFlowOps:
    """Calls TensorFlow's functions."""

    def constant(self, values: Array) -> Any:
        values = np.asarray(values, np.float32)
        return tf.constant(values.transpose(0, 2, 3, 1) if values.ndim == 4 else values)

    def add(self, a: Any, b: Any) -> Any:
        if len(b.shape) == 4 and b.shape[-1] == 1 != a.shape[-1]:
            # Two sums in a row, of a noise map and a bias, would be joined: one constant as large as the feature map.
            return a - (-b)
        return a + b

    def subtract(self, a: Any, b: Any) -> Any:
        return a - b

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def divide(self, a: Any, b: Any) -> Any:
        return a / b

    def sqrt(self, x: Any) -> Any:
        return tf.sqrt(x)

    def row_mean(self, x: Any) -> Any:
        return tf.reduce_mean(x, axis=1, keepdims=True)

    def matmul(self, x: Any, weight: Array) -> Any:
        return tf.matmul(x, tf.constant(np.ascontiguousarray(weight.T, np.float32)))

    def leaky_relu(self, x: Any, slope: float) -> Any:
        return tf.nn.leaky_relu(x, slope)

    def clip(self, x: Any, limit: float) -> Any:
        return tf.clip_by_value(x, -limit, limit)

    def convolve(self, x: Any, weight: Array, *, padding: int = 0, groups: int = 1) -> Any:
        pads = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
        if groups == 1:
            return tf.nn.conv2d(x, tf.constant(weight.transpose(2, 3, 1, 0)), strides=1, padding=pads)
        padded = tf.pad(x, pads)
        return tf.nn.depthwise_conv2d(padded, tf.constant(weight.transpose(2, 3, 0, 1)), [1, 1, 1, 1], "VALID")

    def grow(self, x: Any, weight: Array) -> Any:
        size, side = weight.shape[2], x.shape[1]
        grown = (side - 1) * 2 + size
        kernels = tf.constant(weight.transpose(2, 3, 1, 0))
        shape = tf.stack([tf.shape(x)[0], grown, grown, weight.shape[1]])
        y = tf.nn.conv2d_transpose(x, kernels, shape, strides=2, padding="VALID")
        return tf.ensure_shape(y, [x.shape[0], grown, grown, weight.shape[1]])

    def interpolate(self, x: Any) -> Any:
        return tf.image.resize(x, [2 * x.shape[1], 2 * x.shape[2]])

    def reflect(self, x: Any) -> Any:
        return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")

    def as_channels(self, x: Any, channels: int) -> Any:
        return tf.reshape(x, [-1, 1, 1, channels])

    def layer_code(self, ws: Any, layer: int) -> Any:
        return ws[:, layer]

    def bands(self, x: Any, count: int) -> Sequence[Any]:
        parts: Sequence[Any] = tf.split(x, count, axis=-1)
        return parts

    def concat(self, parts: Sequence[Any]) -> Any:
        return tf.concat(list(parts), axis=-1)

    def phases_to_space(self, x: Any) -> Any:
        return tf.nn.depth_to_space(x, 2)

    def planes(self, x: Any) -> Any:
        return tf.transpose(x, [0, 3, 1, 2])

    def from_planes(self, x: Any) -> Any:
        return tf.transpose(x, [0, 2, 3, 1])

    def reshape(self, x: Any, *shape: int) -> Any:
        return tf.reshape(x, shape)

    def swap(self, x: Any) -> Any:
        return tf.transpose(x, [0, 2, 1, 3])

    def mean(self, x: Any) -> Any:
        return tf.reduce_mean(x, axis=1, keepdims=True)
