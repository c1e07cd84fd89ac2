"""The operations of exports as calls of PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TorchOps:
    """Calls torch's functions."""

    def constant(self, values: Array) -> Tensor:
        return torch.from_numpy(np.array(values, np.float32))

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b

    def subtract(self, a: Tensor, b: Tensor) -> Tensor:
        return a - b

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def divide(self, a: Tensor, b: Tensor) -> Tensor:
        return a / b

    def sqrt(self, x: Tensor) -> Tensor:
        return x.sqrt()

    def row_mean(self, x: Tensor) -> Tensor:
        return x.mean(dim=1, keepdim=True)

    def matmul(self, x: Tensor, weight: Array) -> Tensor:
        return x @ self.constant(weight).t()

    def leaky_relu(self, x: Tensor, slope: float) -> Tensor:
        return functional.leaky_relu(x, slope)

    def clip(self, x: Tensor, limit: float) -> Tensor:
        return x.clamp(-limit, limit)

    def convolve(self, x: Tensor, weight: Array, *, padding: int = 0, groups: int = 1) -> Tensor:
        return functional.conv2d(x, self.constant(weight), padding=padding, groups=groups)

    def grow(self, x: Tensor, weight: Array) -> Tensor:
        return functional.conv_transpose2d(x, self.constant(weight), stride=2)

    def interpolate(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    def reflect(self, x: Tensor) -> Tensor:
        return functional.pad(x, (1, 1, 1, 1), mode="reflect")

    def as_channels(self, x: Tensor, channels: int) -> Tensor:
        return x.reshape(-1, channels, 1, 1)

    def layer_code(self, ws: Tensor, layer: int) -> Tensor:
        return ws[:, layer]

    def bands(self, x: Tensor, count: int) -> Sequence[Tensor]:
        return x.chunk(count, dim=1)

    def concat(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), dim=1)

    def phases_to_space(self, x: Tensor) -> Tensor:
        channels, height, width = x.shape[1] // 4, x.shape[2], x.shape[3]
        phases = x.reshape(-1, 2, 2, channels, height, width).permute(0, 3, 4, 1, 5, 2)
        return phases.reshape(-1, channels, 2 * height, 2 * width)

    def planes(self, x: Tensor) -> Tensor:
        return x

    def from_planes(self, x: Tensor) -> Tensor:
        return x

    def reshape(self, x: Tensor, *shape: int) -> Tensor:
        return x.reshape(shape)

    def swap(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)

    def mean(self, x: Tensor) -> Tensor:
        return x.mean(dim=1, keepdim=True)
