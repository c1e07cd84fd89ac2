"""Features of the Inception network that the Fréchet Inception Distance of papers is taken on.

Its weights are not ours to ship: the user gives the file of the pytorch-fid project, `pt_inception-2015-12-05-….pth`,
the published TensorFlow weights of 2015 as a torch state dict, or the same tensors as safetensors.

Source: the network of arXiv:1512.00567 with the widths of its release; FID from arXiv:1706.08500. The release departs
from the paper in its pooling branches: averages leave padding out, and the last block takes a maximum.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from nobodies.errors import WeightsError
from nobodies.training.metrics.features import Array, Extract, Pictures

INPUT_PX: Final = 299
NUM_FEATURES: Final = 2048
_NUM_CLASSES: Final = 1008
_MOST_BYTES: Final = 256 << 20
_CHUNK: Final = 16
_WEIGHTS_SHA256_START: Final = "6726825d"
"""The original file carries the start of its checksum in its name."""

Kernel = int | tuple[int, int]
Pool = Literal["mean", "max", "stride"]


class Convolution(nn.Module):
    """Convolution without bias, frozen batch normalisation, ReLU. Padding keeps the side unless `valid`."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: Kernel, *, stride: int = 1, valid: bool = False
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (0, 0) if valid else (height // 2, width // 2)
        self.conv = nn.Conv2d(in_channels, out_channels, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, I, H, W] to [N, O, H', W']."""
        return functional.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Branches side by side, their maps one behind the other.

    Args:
        layers: every convolution by its name in the weights.
        branches: the names each branch runs through; names in one tuple at the end share their input.
        pool: of the last branch: "mean" and "max" keep the side, "stride" halves it and runs through nothing.
    """

    def __init__(
        self, layers: dict[str, Convolution], branches: list[list[str | tuple[str, str]]], *, pool: Pool
    ) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._branches, self._pool = branches, pool

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, I, H, W] to [N, O, H', W']."""
        parts = [part for branch in self._branches for part in self._run(x, branch)]
        if self._pool == "stride":
            return torch.cat([*parts, functional.max_pool2d(x, 3, 2)], dim=1)
        if self._pool == "max":
            pooled = functional.max_pool2d(x, 3, 1, 1)
        else:
            pooled = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat([*parts, self.get_submodule("branch_pool")(pooled)], dim=1)

    def _run(self, x: Tensor, branch: list[str | tuple[str, str]]) -> list[Tensor]:
        for step in branch:
            if isinstance(step, tuple):
                return [self.get_submodule(name)(x) for name in step]
            x = self.get_submodule(step)(x)
        return [x]


def _mixed_35(channels: int, pooled: int) -> Mixed:
    """Block at 35 px: 1x1, 5x5, twice 3x3."""
    layers = {
        "branch1x1": Convolution(channels, 64, 1),
        "branch5x5_1": Convolution(channels, 48, 1),
        "branch5x5_2": Convolution(48, 64, 5),
        "branch3x3dbl_1": Convolution(channels, 64, 1),
        "branch3x3dbl_2": Convolution(64, 96, 3),
        "branch3x3dbl_3": Convolution(96, 96, 3),
        "branch_pool": Convolution(channels, pooled, 1),
    }
    branches = [_chain("branch1x1"), _chain("branch5x5", 2), _chain("branch3x3dbl", 3)]
    return Mixed(layers, branches, pool="mean")


def _mixed_to_17(channels: int) -> Mixed:
    """From 35 px to 17."""
    layers = {
        "branch3x3": Convolution(channels, 384, 3, stride=2, valid=True),
        "branch3x3dbl_1": Convolution(channels, 64, 1),
        "branch3x3dbl_2": Convolution(64, 96, 3),
        "branch3x3dbl_3": Convolution(96, 96, 3, stride=2, valid=True),
    }
    return Mixed(layers, [_chain("branch3x3"), _chain("branch3x3dbl", 3)], pool="stride")


def _mixed_17(channels: int, inner: int) -> Mixed:
    """Block at 17 px: 1x1, and 7x7 in lines, once and twice."""
    line, column = (1, 7), (7, 1)
    layers = {
        "branch1x1": Convolution(channels, 192, 1),
        "branch7x7_1": Convolution(channels, inner, 1),
        "branch7x7_2": Convolution(inner, inner, line),
        "branch7x7_3": Convolution(inner, 192, column),
        "branch7x7dbl_1": Convolution(channels, inner, 1),
        "branch7x7dbl_2": Convolution(inner, inner, column),
        "branch7x7dbl_3": Convolution(inner, inner, line),
        "branch7x7dbl_4": Convolution(inner, inner, column),
        "branch7x7dbl_5": Convolution(inner, 192, line),
        "branch_pool": Convolution(channels, 192, 1),
    }
    branches = [_chain("branch1x1"), _chain("branch7x7", 3), _chain("branch7x7dbl", 5)]
    return Mixed(layers, branches, pool="mean")


def _mixed_to_8(channels: int) -> Mixed:
    """From 17 px to 8."""
    layers = {
        "branch3x3_1": Convolution(channels, 192, 1),
        "branch3x3_2": Convolution(192, 320, 3, stride=2, valid=True),
        "branch7x7x3_1": Convolution(channels, 192, 1),
        "branch7x7x3_2": Convolution(192, 192, (1, 7)),
        "branch7x7x3_3": Convolution(192, 192, (7, 1)),
        "branch7x7x3_4": Convolution(192, 192, 3, stride=2, valid=True),
    }
    return Mixed(layers, [_chain("branch3x3", 2), _chain("branch7x7x3", 4)], pool="stride")


def _mixed_8(channels: int, pool: Pool) -> Mixed:
    """Block at 8 px: 1x1, and 3x3 that ends in a line beside a column, behind one layer and behind two."""
    line, column = (1, 3), (3, 1)
    layers = {
        "branch1x1": Convolution(channels, 320, 1),
        "branch3x3_1": Convolution(channels, 384, 1),
        "branch3x3_2a": Convolution(384, 384, line),
        "branch3x3_2b": Convolution(384, 384, column),
        "branch3x3dbl_1": Convolution(channels, 448, 1),
        "branch3x3dbl_2": Convolution(448, 384, 3),
        "branch3x3dbl_3a": Convolution(384, 384, line),
        "branch3x3dbl_3b": Convolution(384, 384, column),
        "branch_pool": Convolution(channels, 192, 1),
    }
    branches: list[list[str | tuple[str, str]]] = [
        ["branch1x1"],
        ["branch3x3_1", ("branch3x3_2a", "branch3x3_2b")],
        ["branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")],
    ]
    return Mixed(layers, branches, pool=pool)


def _chain(name: str, length: int = 0) -> list[str | tuple[str, str]]:
    return [f"{name}_{index + 1}" for index in range(length)] if length else [name]


class Inception(nn.Module):
    """Pictures in [-1, 1], [N, 3, 299, 299], to the features before the last layer, [N, 2048]."""

    def __init__(self) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {
            "Conv2d_1a_3x3": Convolution(3, 32, 3, stride=2, valid=True),
            "Conv2d_2a_3x3": Convolution(32, 32, 3, valid=True),
            "Conv2d_2b_3x3": Convolution(32, 64, 3),
            "pool1": nn.MaxPool2d(3, 2),
            "Conv2d_3b_1x1": Convolution(64, 80, 1),
            "Conv2d_4a_3x3": Convolution(80, 192, 3, valid=True),
            "pool2": nn.MaxPool2d(3, 2),
            "Mixed_5b": _mixed_35(192, pooled=32),
            "Mixed_5c": _mixed_35(256, pooled=64),
            "Mixed_5d": _mixed_35(288, pooled=64),
            "Mixed_6a": _mixed_to_17(288),
            "Mixed_6b": _mixed_17(768, inner=128),
            "Mixed_6c": _mixed_17(768, inner=160),
            "Mixed_6d": _mixed_17(768, inner=160),
            "Mixed_6e": _mixed_17(768, inner=192),
            "Mixed_7a": _mixed_to_8(768),
            "Mixed_7b": _mixed_8(1280, "mean"),
            "Mixed_7c": _mixed_8(2048, "max"),
        }
        self._order = list(layers)
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.fc = nn.Linear(NUM_FEATURES, _NUM_CLASSES)  # not used; names the weights that are meant

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures to features."""
        for name in self._order:
            x = self.get_submodule(name)(x)
        return x.mean(dim=(2, 3))


def prepare(pictures: Pictures) -> Tensor:
    """Bring pictures [N, P, R, R] to what the network takes, [N, 3, 299, 299] in [-1, 1], as pytorch-fid does.

    Grey ones are repeated, alpha is left out, and all are resized bilinearly, without smoothing.
    """
    planes = pictures[:, :3] if pictures.shape[1] >= 3 else pictures[:, :1].repeat(3, axis=1)
    x = torch.from_numpy(planes).float() / 255
    return functional.interpolate(x, (INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False) * 2 - 1


def load_inception(path: Path) -> tuple[Inception, str]:
    """Read the weights without running anything in them.

    Args:
        path: a `.pth` state dict, opened with `weights_only`, or safetensors with the same names.

    Returns:
        The network, ready to use, and a name for its features that says which file they are from.

    Raises:
        WeightsError: the file is missing, too large, or holds other tensors.
    """
    data = _read(path)
    tensors = _tensors(path)
    network = Inception()
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("batches_tracked")}
    for name, tensor in wanted.items():
        came = tensors.get(name)
        if not isinstance(came, Tensor) or came.shape != tensor.shape:
            found = "nothing" if not isinstance(came, Tensor) else str(list(came.shape))
            raise WeightsError(
                f"{path}: {name} is {found}, want {list(tensor.shape)}: give the file "
                f"pt_inception-2015-12-05-{_WEIGHTS_SHA256_START}.pth of the pytorch-fid project"
            )
    network.load_state_dict({name: tensors[name].float() for name in wanted}, strict=False)
    digest = hashlib.sha256(data).hexdigest()
    which = "of 2015-12-05" if digest.startswith(_WEIGHTS_SHA256_START) else f"from a file {digest[:8]}"
    return network.eval().requires_grad_(False), f"Inception v3, weights {which}"


def inception_features(network: Inception) -> Extract:
    """Features of pictures [N, P, R, R] by this network, [N, 2048]."""

    def extract(pictures: Pictures) -> Array:
        with torch.inference_mode():
            parts = [network(prepare(pictures[at : at + _CHUNK])) for at in range(0, len(pictures), _CHUNK)]
            return torch.cat(parts).numpy()

    return extract


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise WeightsError(f"{path} is over {_MOST_BYTES >> 20} MB: these weights take 96 MB")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error


def _tensors(path: Path) -> dict[str, Any]:
    """The tensors of a file by name."""
    read: Callable[[], Any]
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        read = lambda: load_file(path)  # noqa: E731
    else:
        read = lambda: torch.load(path, map_location="cpu", weights_only=True)  # noqa: E731
    try:
        tensors = read()
    except Exception as error:  # both readers fail in many ways on damaged or hostile files
        reason = str(error).partition("\n")[0][:120]
        raise WeightsError(
            f"{path} is no state dict or safetensors file that can be read ({reason}); files that hold code, such as "
            "TorchScript or pickled networks, are not opened"
        ) from error
    if not isinstance(tensors, dict):
        raise WeightsError(f"{path} holds no tensors by name: give a state dict")
    return tensors
