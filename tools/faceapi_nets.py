"""Wire face-api's nets in OpenVINO operations from their bare weights.

The package ships weights only (8-bit, in TF.js shards); how the layers connect is known from their names and from
the descriptions of the architectures: dlib's ResNet-29 face embedding, and the two small separable-convolution nets
of face-api for expression and for age and appearance. Kernels stay 8-bit in the file, exactly as published; OpenVINO
expands them once, when the net is compiled.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as op

from tools.tfjs_graph import Weight, read_shards

Array = npt.NDArray[Any]
Weights = Mapping[str, Weight]
Tensor = Any  # an openvino Output or Node; its stubs do not tell them apart

MEAN_RGB = (122.782, 117.001, 104.298)


def read_weights(folder: Path, name: str) -> Weights:
    """Read one of face-api's nets: its named arrays, 8-bit as stored."""
    manifest = json.loads((folder / f"{name}-weights_manifest.json").read_text())
    return dict(read_shards(manifest, folder))


def recognition(weights: Weights) -> ov.Model:
    """The ResNet of dlib: RGB [1, 150, 150, 3] in 0..255 to an embedding [1, 128]."""
    x, y = _input(150)
    y = _scaled_conv(y, weights, "conv32_down", stride=2, padding="valid")
    y = _max_pool(y, padding="valid")
    for number in (1, 2, 3):
        y = _residual(y, weights, f"conv32_{number}")
    for name, repeats in (("conv64", (1, 2, 3)), ("conv128", (1, 2)), ("conv256", (1, 2))):
        y = _residual_down(y, weights, f"{name}_down")
        for number in repeats:
            y = _residual(y, weights, f"{name}_{number}")
    y = _residual_down(y, weights, "conv256_down_out")
    pooled = op.reduce_mean(y, op.constant(np.array([2, 3])), False)
    return ov.Model([_dense(pooled, weights["fc"])], [x], "recognition")


def expression(weights: Weights) -> ov.Model:
    """RGB [1, 112, 112, 3] in 0..255 to probabilities [1, 7]; the second is 'happy'."""
    x, y = _input(112)
    for number in range(4):
        y = _dense_block(y, weights, f"dense{number}/", first=number == 0)
    logits = _dense(_flatten(_average_pool(y, 7), 256), weights["fc/weights"], weights["fc/bias"])
    return ov.Model([op.softmax(logits, 1)], [x], "expression")


def age_and_appearance(weights: Weights) -> ov.Model:
    """RGB [1, 112, 112, 3] in 0..255 to age in years [1, 1] and P(man), P(woman) [1, 2]."""
    x, y = _input(112)
    y = op.relu(_conv(y, weights["entry_flow/conv_in/filters"], weights["entry_flow/conv_in/bias"], stride=2))
    y = _reduction(y, weights, "entry_flow/reduction_block_0", activate=False)
    y = _reduction(y, weights, "entry_flow/reduction_block_1")
    for block in (0, 1):
        inner = y
        for number in (0, 1, 2):
            inner = _separable(op.relu(inner), weights, f"middle_flow/main_block_{block}/separable_conv{number}")
        y = op.add(inner, y)
    y = _reduction(y, weights, "exit_flow/reduction_block")
    y = op.relu(_separable(y, weights, "exit_flow/separable_conv"))
    features = _flatten(_average_pool(y, 7), 512)
    age = _dense(features, weights["fc/age/weights"], weights["fc/age/bias"])
    appearance = op.softmax(_dense(features, weights["fc/gender/weights"], weights["fc/gender/bias"]), 1)
    return ov.Model([age, appearance], [x], "age_and_appearance")


def _kernel(weight: Weight, order: tuple[int, ...], scale: Array | None = None) -> Tensor:
    """A kernel kept in 8 bits and expanded in the graph; `scale` multiplies its output channels (the first axis)."""
    factor = np.asarray(weight.scale if scale is None else weight.scale * scale, np.float32)
    shift = np.asarray(weight.minimum if scale is None else weight.minimum * scale, np.float32)
    shape = (-1, *([1] * (len(order) - 1)))
    raw = op.convert(op.constant(np.ascontiguousarray(weight.values.transpose(order))), np.float32)
    return op.add(op.multiply(raw, op.constant(factor.reshape(shape))), op.constant(shift.reshape(shape)))


def _channels(values: Any) -> Tensor:
    return op.constant(np.asarray(values, np.float32).reshape(1, -1, 1, 1))


def _input(size_px: int) -> tuple[Tensor, Tensor]:
    """The input, and the same as planes less the mean, over 255."""
    x = op.parameter([1, size_px, size_px, 3], np.float32, name="rgb")
    planes = op.transpose(x, op.constant(np.array([0, 3, 1, 2])))
    return x, op.divide(op.subtract(planes, _channels(MEAN_RGB)), op.constant(np.float32(255)))


def _conv(
    x: Tensor, kernel: Weight, bias: Any, *, scale: Array | None = None, stride: int = 1, padding: str = "same_upper"
) -> Tensor:
    weights = _kernel(kernel, (3, 2, 0, 1), scale)  # HWIO to OIHW
    return op.add(op.convolution(x, weights, [stride] * 2, [0, 0], [0, 0], [1, 1], auto_pad=padding), _channels(bias))


def _separable(x: Tensor, weights: Weights, name: str, *, stride: int = 1) -> Tensor:
    depthwise = weights[f"{name}/depthwise_filter"]  # HWC1
    kernel = _kernel(replace(depthwise, values=depthwise.values[..., None]), (2, 3, 4, 0, 1))  # C11HW
    y = op.group_convolution(x, kernel, [stride] * 2, [0, 0], [0, 0], [1, 1], auto_pad="same_upper")
    return _conv(y, weights[f"{name}/pointwise_filter"], weights[f"{name}/bias"])


def _dense(x: Tensor, matrix: Weight, bias: Weight | None = None) -> Tensor:
    y = op.matmul(x, _kernel(matrix, (0, 1)), False, False)
    return y if bias is None else op.add(y, op.constant(np.asarray(bias, np.float32)))


def _flatten(x: Tensor, size: int) -> Tensor:
    return op.reshape(x, op.constant(np.array([-1, size])), False)


def _average_pool(x: Tensor, size: int) -> Tensor:
    return op.avg_pool(x, [2, 2], [0, 0], [0, 0], [size, size], True)


def _max_pool(x: Tensor, *, padding: str) -> Tensor:
    return op.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3], auto_pad=padding).output(0)


def _scaled_conv(x: Tensor, weights: Weights, name: str, *, stride: int = 1, padding: str = "same_upper") -> Tensor:
    """Convolution, then a scale and shift for each channel (folded into the kernel), and ReLU."""
    return op.relu(_scaled_linear(x, weights, name, stride=stride, padding=padding))


def _scaled_linear(x: Tensor, weights: Weights, name: str, *, stride: int = 1, padding: str = "same_upper") -> Tensor:
    scale, shift = np.asarray(weights[f"{name}/scale/weights"]), np.asarray(weights[f"{name}/scale/biases"])
    bias = np.asarray(weights[f"{name}/conv/bias"]) * scale + shift
    return _conv(x, weights[f"{name}/conv/filters"], bias, scale=scale, stride=stride, padding=padding)


def _residual(x: Tensor, weights: Weights, name: str) -> Tensor:
    y = _scaled_linear(_scaled_conv(x, weights, f"{name}/conv1"), weights, f"{name}/conv2")
    return op.relu(op.add(y, x))


def _residual_down(x: Tensor, weights: Weights, name: str) -> Tensor:
    """Halve the size. The shortcut is an average pool; whichever branch is smaller is padded with zeros."""
    y = _scaled_conv(x, weights, f"{name}/conv1", stride=2, padding="valid")
    y = _scaled_linear(y, weights, f"{name}/conv2")
    shortcut = _average_pool(x, 2)
    missing = [shortcut.shape[axis] - y.shape[axis] for axis in (1, 2, 3)]
    y = _pad_end(y, [0, *missing[1:]])
    return op.relu(op.add(_pad_end(shortcut, [-missing[0], 0, 0]), y))


def _pad_end(x: Tensor, counts: list[int]) -> Tensor:
    if not any(counts):
        return x
    end = op.constant(np.array([0, *counts]))
    return op.pad(x, op.constant(np.zeros(4, np.int64)), end, "constant", op.constant(np.float32(0)))


def _dense_block(x: Tensor, weights: Weights, name: str, *, first: bool) -> Tensor:
    """Four convolutions, each fed the sum of all before it."""
    if first:
        y1 = op.relu(_conv(x, weights[f"{name}conv0/filters"], weights[f"{name}conv0/bias"], stride=2))
    else:
        y1 = op.relu(_separable(x, weights, f"{name}conv0", stride=2))
    y2 = _separable(y1, weights, f"{name}conv1")
    y3 = _separable(op.relu(op.add(y1, y2)), weights, f"{name}conv2")
    total = op.add(y1, op.add(y2, y3))
    y4 = _separable(op.relu(total), weights, f"{name}conv3")
    return op.relu(op.add(total, y4))


def _reduction(x: Tensor, weights: Weights, name: str, *, activate: bool = True) -> Tensor:
    y = op.relu(x) if activate else x
    y = _separable(y, weights, f"{name}/separable_conv0")
    y = _separable(op.relu(y), weights, f"{name}/separable_conv1")
    expanded = _conv(x, weights[f"{name}/expansion_conv/filters"], weights[f"{name}/expansion_conv/bias"], stride=2)
    return op.add(_max_pool(y, padding="same_upper"), expanded)
