"""PyTorch: an exported program (.pt2), which torch.export.load reads and which needs no class of ours."""

from pathlib import Path

import torch
from torch import Tensor, nn

from nobodies.exports.network import Network
from nobodies.exports.plan import Plan
from nobodies.exports.torch_ops import TorchOps


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
