"""EfficientNet-Lite0 as an OpenVINO graph: general features of a picture.

Source: EfficientNet, arXiv:1905.11946; the Lite variants leave out squeeze-and-excitation and use ReLU6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import openvino as ov

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

INPUT_PX: Final = 224
NUM_FEATURES: Final = 1280
EPSILON: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Stage:
    """Inverted bottlenecks in a row, of which the first takes the stride."""

    repeats: int
    stride: int
    expand: int


STAGES: Final = (
    Stage(1, 1, 1),
    Stage(2, 2, 6),
    Stage(2, 2, 6),
    Stage(3, 2, 6),
    Stage(3, 1, 6),
    Stage(4, 2, 6),
    Stage(1, 1, 6),
)


def build(tensors: Tensors, *, size_px: int = INPUT_PX, cells: int = 1) -> "ov.Model":
    """Wire the network.

    Args:
        tensors: the model `efficientnet-lite0` of the catalogue.
        size_px: side of the picture it takes, S; a smaller one takes less time.
        cells: pool over a grid of so many times so many cells, C, so that it can be told where something is.

    Returns:
        From `rgb`, uint8 [1, S, S, 3], to `features`, [1, 1280 C C].
    """
    import openvino as ov
    from openvino import opset13 as op

    rgb = op.parameter([1, size_px, size_px, 3], np.uint8, name="rgb")
    planes = op.transpose(op.convert(rgb, np.float32), op.constant(np.array([0, 3, 1, 2])))
    x = op.divide(op.subtract(planes, op.constant(np.float32(127))), op.constant(np.float32(128)))
    x = _convolve(x, tensors, "conv_stem", "bn0", stride=2)
    number = 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            y = _block(x, tensors, f"blocks.{number}", stride, expand=stage.expand != 1)
            x = op.add(x, y) if repeat else y
            number += 1
    x = _convolve(x, tensors, "conv_head", "bn1")
    features = op.reduce_mean(x, op.constant(np.array([2, 3])), False) if cells == 1 else _grid(x, cells)
    model = ov.Model([features], [rgb], "efficientnet-lite0")
    model.output(0).set_names({"features"})
    return model


def _grid(x: Any, cells: int) -> Any:
    """Means over a grid of cells, channel by channel."""
    from openvino import opset13 as op

    means = op.adaptive_avg_pool(x, op.constant(np.array([cells, cells])))
    return op.reshape(means, op.constant(np.array([1, NUM_FEATURES * cells * cells])), False)


def _block(x: Any, tensors: Tensors, name: str, stride: int, *, expand: bool) -> Any:
    """Inverted bottleneck: widen, convolve each channel, narrow."""
    if expand:
        x = _convolve(x, tensors, f"{name}.expand_conv", f"{name}.bn0")
    x = _convolve(x, tensors, f"{name}.depthwise_conv", f"{name}.bn1", stride=stride)
    return _convolve(x, tensors, f"{name}.project_conv", f"{name}.bn2", activate=False)


def _convolve(x: Any, tensors: Tensors, name: str, norm: str, *, stride: int = 1, activate: bool = True) -> Any:
    """Convolution with its batch norm folded in, then ReLU6."""
    from openvino import opset13 as op

    gain = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + EPSILON)
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * gain
    kernel = tensors[f"{name}.weight"] * gain[:, None, None, None]
    depthwise = kernel.shape[1] == 1
    convolve = op.group_convolution if depthwise else op.convolution
    weights = op.constant(np.ascontiguousarray(kernel[:, None] if depthwise else kernel, np.float32))
    y = convolve(x, weights, [stride] * 2, [0, 0], [0, 0], [1, 1], auto_pad="same_upper")
    y = op.add(y, op.constant(bias.astype(np.float32).reshape(1, -1, 1, 1)))
    return op.clamp(y, 0.0, 6.0) if activate else y
