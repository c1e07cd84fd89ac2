"""The operations of exports as nodes of ONNX."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(slots=True)
class OnnxOps:
    """Writes nodes; a node is the name of its result."""

    half: bool = False
    """Keep large constants in 16 bits, and widen them where they are used."""
    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)

    def constant(self, values: Array) -> str:
        from onnx import TensorProto, numpy_helper

        name = f"c{len(self.initializers)}"
        small = values.astype(np.float16) if self.half and values.size > 1 else np.asarray(values, np.float32)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(small).reshape(values.shape), name))
        return self._node("Cast", name, to=TensorProto.FLOAT) if small.dtype == np.float16 else name

    def add(self, a: str, b: str) -> str:
        return self._node("Add", a, b)

    def subtract(self, a: str, b: str) -> str:
        return self._node("Sub", a, b)

    def multiply(self, a: str, b: str) -> str:
        return self._node("Mul", a, b)

    def divide(self, a: str, b: str) -> str:
        return self._node("Div", a, b)

    def sqrt(self, x: str) -> str:
        return self._node("Sqrt", x)

    def row_mean(self, x: str) -> str:
        return self._node("ReduceMean", x, axes=[1], keepdims=1)

    def matmul(self, x: str, weight: Array) -> str:
        return self._node("Gemm", x, self.constant(weight), transB=1)

    def leaky_relu(self, x: str, slope: float) -> str:
        return self._node("LeakyRelu", x, alpha=slope)

    def clip(self, x: str, limit: float) -> str:
        low, high = (self.constant(np.array(each, np.float32)) for each in (-limit, limit))
        return self._node("Clip", x, low, high)

    def convolve(self, x: str, weight: Array, *, padding: int = 0, groups: int = 1) -> str:
        return self._node("Conv", x, self.constant(weight), pads=[padding] * 4, group=groups)

    def grow(self, x: str, weight: Array) -> str:
        return self._node("ConvTranspose", x, self.constant(weight), strides=[2, 2])

    def interpolate(self, x: str) -> str:
        scales = self._stored(np.array([1, 1, 2, 2], np.float32))
        return self._node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")

    def reflect(self, x: str) -> str:
        return self._node("Pad", x, self._integers(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")

    def as_channels(self, x: str, channels: int) -> str:
        return self._node("Reshape", x, self._integers(-1, channels, 1, 1))

    def layer_code(self, ws: str, layer: int) -> str:
        return self._node("Gather", ws, self._integer(layer), axis=1)

    def bands(self, x: str, count: int) -> Sequence[str]:
        names = [f"{x}b{index}" for index in range(count)]
        self._append("Split", [x], names, axis=1)
        return names

    def concat(self, parts: Sequence[str]) -> str:
        return self._node("Concat", *parts, axis=1)

    def phases_to_space(self, x: str) -> str:
        return self._node("DepthToSpace", x, blocksize=2, mode="DCR")

    def planes(self, x: str) -> str:
        return x

    def from_planes(self, x: str) -> str:
        return x

    def reshape(self, x: str, *shape: int) -> str:
        return self._node("Reshape", x, self._integers(*shape))

    def swap(self, x: str) -> str:
        return self._node("Transpose", x, perm=[0, 2, 1, 3])

    def mean(self, x: str) -> str:
        return self._node("ReduceMean", x, axes=[1], keepdims=1)

    def _integers(self, *values: int) -> str:
        return self._stored(np.array(values, np.int64))

    def _integer(self, value: int) -> str:
        return self._stored(np.array(value, np.int64))

    def _stored(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self._append(kind, list(inputs), [name], **attributes)
        return name

    def _append(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
