"""The synthesis network of lucidrains' stylegan2-pytorch as two OpenVINO graphs: where it is not StyleGAN2.

Doubling is bilinear interpolation, which is left to OpenVINO; `nobodies.models.architectures.lucidrains` says what
else is otherwise.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as op

from nobodies.engines.openvino.ops import constant, integers
from nobodies.engines.openvino.stylegan2 import Layers, StyleGan2Graphs

Array = NDArray[np.float32]

_BLUR: Final = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
_NOISE_STD: Final = np.float32(1 / math.sqrt(12))
"""Of uniform noise between -1/2 and 1/2; what each channel takes of it is in the layers."""


@dataclass(frozen=True, slots=True)
class LucidrainsGraphs(StyleGan2Graphs):
    """The two graphs of such a generator."""

    def noise(self) -> list[tuple[Array, np.float32]]:
        """Give the map that is stored for each layer, and the factor of a standard normal one."""
        return [(self.tensors[f"{layer}.noise_const"], _NOISE_STD) for layer, _ in self.architecture.noise_layers]

    def _layers(self, scales: Mapping[str, Any], noise: Mapping[str, Any]) -> Layers:
        return _BilinearLayers(self.architecture, self.tensors, scales, noise)


@dataclass(frozen=True, slots=True)
class _BilinearLayers(Layers):
    """Applies layers to feature maps."""

    def first(self) -> tuple[Any, Any]:
        """Convolve the learned constant twice; gives features [1, C, 4, 4] and picture [1, 3, 4, 4]."""
        x = constant(self.tensors["synthesis.b4.const"][None])
        for layer in ("synthesis.b4.conv0", "synthesis.b4.conv1"):
            x = self._activated(self._same_side(x, layer, 4), layer)
        return x, self._to_rgb(x, 4)

    def _doubled(self, x: Any, layer: str, size: int) -> Any:
        return self._same_side(interpolated(x), layer, size)

    def _picture_doubled(self, picture: Any) -> Any:
        channels = picture.get_output_shape(0)[1]
        padded = reflected(interpolated(picture))
        kernels = constant(np.broadcast_to(_BLUR, (channels, 1, 1, 3, 3)))
        return op.group_convolution(padded, kernels, [1, 1], [0, 0], [0, 0], [1, 1])

    def _noise_strengths(self, layer: str) -> Array:
        return self.tensors[f"{layer}.noise_strength"]


def interpolated(x: Any) -> Any:
    """Double the side of [1, C, H, W]; pixels beyond the edges are those at the edges."""
    return op.interpolate(
        x,
        constant([2.0, 2.0]),
        "linear_onnx",
        "scales",
        axes=integers(2, 3),
        coordinate_transformation_mode="half_pixel",
    )


def reflected(x: Any) -> Any:
    """Add a line at each edge of [N, C, H, W], which mirrors the line next to that edge."""
    return op.pad(x, integers(0, 0, 1, 1), integers(0, 0, 1, 1), "reflect")
