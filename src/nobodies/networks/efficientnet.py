"""EfficientNet-Lite0 as a torch module: how alike two pictures look, with gradients.

The slow twin of the graph in `nobodies.vision.efficientnet`, with the same weights.

Source: EfficientNet, arXiv:1905.11946; the distance is that of LPIPS, arXiv:1801.03924, without learned weights.
"""

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from nobodies.vision.efficientnet import EPSILON, INPUT_PX, STAGES

COMPARED_STAGES: Final = (0, 1, 2, 3, 4)
"""Stages whose output is compared, from fine to coarse: 112, 56, 28 and twice 14 px."""


_STATISTICS: Final = ("weight", "bias", "running_mean", "running_var")


class Features(nn.Module):
    """Pictures [N, 3, 224, 224], 0 to 255, to general features [N, 1280] or to those of each stage.

    Args:
        tensors: the model `efficientnet-lite0` of the catalogue.
    """

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        super().__init__()
        self.stem = Convolution(tensors, "conv_stem", "bn0", stride=2)
        self.stages = nn.ModuleList()
        number = 0
        for stage in STAGES:
            blocks = nn.Sequential()
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(
                    Bottleneck(tensors, f"blocks.{number}", stride, expand=stage.expand != 1, add=repeat > 0)
                )
                number += 1
            self.stages.append(blocks)
        self.head = Convolution(tensors, "conv_head", "bn1")

    def forward(self, pictures: Tensor) -> Tensor:
        """Describe pictures, [N, 1280]."""
        head: Tensor = self.head(self.by_stage(pictures)[-1])
        return head.mean(dim=(2, 3))

    def by_stage(self, pictures: Tensor) -> list[Tensor]:
        """Give the output of each stage, [N, C, H, W] each."""
        x = self.stem((pictures - 127) / 128)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Convolution(nn.Module):
    """Convolution with its batch norm folded in, then ReLU6."""

    kernel: Tensor
    bias: Tensor

    def __init__(
        self, tensors: Mapping[str, Any], name: str, norm: str, *, stride: int = 1, activate: bool = True
    ) -> None:
        super().__init__()
        kernel, gain, shift, mean, variance = (
            torch.tensor(tensors[each], dtype=torch.float32)
            for each in (
                f"{name}.weight",
                *(f"{norm}.{of}" for of in ("weight", "bias", "running_mean", "running_var")),
            )
        )
        gain = gain / (variance + EPSILON).sqrt()
        self.register_buffer("kernel", kernel * gain[:, None, None, None])
        self.register_buffer("bias", shift - mean * gain)
        self.stride, self.activate = stride, activate
        self.groups = len(kernel) if kernel.shape[1] == 1 else 1

    def forward(self, x: Tensor) -> Tensor:
        """Convolve [N, C, H, W], padded so that its size is divided by the stride."""
        size, kernel_px = x.shape[-1], self.kernel.shape[-1]
        missing = max((-(-size // self.stride) - 1) * self.stride + kernel_px - size, 0)
        before, after = missing // 2, missing - missing // 2
        padded = functional.pad(x, (before, after, before, after))
        y = functional.conv2d(padded, self.kernel, self.bias, self.stride, groups=self.groups)
        return y.clamp(0, 6) if self.activate else y


class Bottleneck(nn.Module):
    """Inverted bottleneck: widen, convolve each channel, narrow."""

    def __init__(self, tensors: Mapping[str, Any], name: str, stride: int, *, expand: bool, add: bool) -> None:
        super().__init__()
        self.add = add
        self.steps = nn.Sequential(
            *([Convolution(tensors, f"{name}.expand_conv", f"{name}.bn0")] if expand else []),
            Convolution(tensors, f"{name}.depthwise_conv", f"{name}.bn1", stride=stride),
            Convolution(tensors, f"{name}.project_conv", f"{name}.bn2", activate=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, O, H / stride, W / stride]."""
        y: Tensor = self.steps(x)
        return x + y if self.add else y


class PerceptualDistance(nn.Module):
    """How different pictures look from one that is given: 0 where they are the same.

    Args:
        features: what they are compared by.
        wanted: the picture to compare with, [1, 3, H, W], 0 to 255; of any size.
    """

    def __init__(self, features: Features, wanted: Tensor) -> None:
        super().__init__()
        self.features = features
        with torch.no_grad():
            self.wanted = self._compared(wanted)

    def forward(self, pictures: Tensor) -> Tensor:
        """Compare pictures [N, 3, H, W]; gives [N]."""
        distances = [
            (found - wanted).square().sum(dim=1).mean(dim=(1, 2))
            for found, wanted in zip(self._compared(pictures), self.wanted, strict=True)
        ]
        return torch.stack(distances).sum(dim=0)

    def _compared(self, pictures: Tensor) -> list[Tensor]:
        """Features of the stages compared, each scaled to length 1 across its channels."""
        small = functional.interpolate(pictures, size=(INPUT_PX, INPUT_PX), mode="bilinear", antialias=True)
        by_stage = self.features.by_stage(small)
        return [functional.normalize(by_stage[stage], dim=1) for stage in COMPARED_STAGES]
