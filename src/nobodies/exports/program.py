"""PyTorch: an exported program (.pt2), which torch.export.load reads and which needs no class of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nobodies.exports.network import Network
from nobodies.exports.plan import Plan

Array = NDArray[np.float32]


def save(plan: Plan, path: Path) -> None:
    """Write a model as an exported program."""
    program = _Program(plan).eval()
    num_pictures = plan.batch or 2
    example = tuple(torch.zeros((num_pictures, *shape) if shape else ()) for shape in plan.inputs.values())
    batch = torch.export.Dim("batch", min=1, max=1024)
    dynamic = {name: {0: batch} if shape else None for name, shape in plan.inputs.items()}
    with torch.no_grad():
        exported = torch.export.export(
            program, example, dynamic_shapes=None if plan.batch else {"inputs": tuple(dynamic.values())}
        )
    torch.export.save(exported, path)


class _Program(nn.Module):
    """A model as a module; its constants become buffers as they are first used."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self._ops = TorchOps()
        self._network = Network[Tensor](self._ops, plan.architecture, plan.model.tensors)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Draw pictures."""
        nodes = dict(zip(self._plan.inputs, inputs, strict=True))
        picture: Tensor = self._plan.picture(self._network, self._ops, nodes)
        return picture


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
