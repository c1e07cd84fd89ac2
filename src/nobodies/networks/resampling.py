"""Resampling with FIR filters: insert zeros, pad, filter, drop.

Source: StyleGAN2, arXiv:1912.04958, appendix B; the [1, 3, 3, 1] filter is that of StyleGAN.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from nobodies.errors import ShapeError
from nobodies.networks.convolution import conv2d, conv_transpose2d

BLUR = (1.0, 3.0, 3.0, 1.0)


def fir_filter(taps: Sequence[float] = BLUR) -> Tensor:
    """Make a 2-D filter of unit sum, [T, T], from separable taps."""
    line = torch.tensor(taps, dtype=torch.float32)
    square = torch.outer(line, line)
    return square / square.sum()


def upfirdn2d(
    x: Tensor,
    kernel: Tensor,
    *,
    up: int = 1,
    down: int = 1,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    flip: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Upsample, filter and downsample each channel.

    The result is that of inserting `up` - 1 zeros after each pixel, padding, convolving and keeping each `down`th
    pixel, without ever making the zeros: a transposed convolution grows the picture, a strided one shrinks it.

    Args:
        x: [N, C, H, W].
        kernel: FIR filter, [KH, KW], float32.
        up: growth factor.
        down: shrink factor.
        padding: zeros at left, right, top and bottom of the grown picture in pixels; negative crops.
        flip: correlate instead of convolving.
        gain: scale of the result.

    Returns:
        [N, C, (H·up + top + bottom − KH) // down + 1, (W·up + left + right − KW) // down + 1].

    Raises:
        ShapeError: `x` is not [N, C, H, W], or the padded picture is smaller than the filter.
    """
    if x.ndim != 4 or kernel.ndim != 2:
        raise ShapeError(f"pictures {list(x.shape)} and filter {list(kernel.shape)}: want [N, C, H, W] and [KH, KW]")
    left, right, top, bottom = padding
    height, width = x.shape[2] * up + top + bottom, x.shape[3] * up + left + right
    if height < kernel.shape[0] or width < kernel.shape[1]:
        raise ShapeError(f"a padded picture of {height}x{width} is smaller than its filter {list(kernel.shape)}")
    kernel = kernel * gain
    if up == 1:
        return _filter(x, kernel if flip else kernel.flip((0, 1)), down=down, padding=padding)
    grown = conv_transpose2d(x, depthwise(kernel.flip((0, 1)) if flip else kernel, x), stride=up, groups=x.shape[1])
    rows, cols = kernel.shape[0] - 1 - top, kernel.shape[1] - 1 - left  # where the result starts in `grown`
    height, width = height - kernel.shape[0] + 1, width - kernel.shape[1] + 1
    grown = functional.pad(grown, [-cols, cols + width - grown.shape[3], -rows, rows + height - grown.shape[2]])
    return grown[:, :, ::down, ::down]


def upsample2d(x: Tensor, kernel: Tensor) -> Tensor:
    """Double the side, keeping the mean brightness. [N, C, H, W] to [N, C, 2H, 2W]."""
    size = kernel.shape[0]
    before, after = (size + 1) // 2, (size - 2) // 2
    if before - after == 1 and size == kernel.shape[1]:  # even filters need no crop
        weight = depthwise(kernel * 4.0, x)
        return conv_transpose2d(x, weight, stride=2, padding=size // 2 - 1, groups=x.shape[1])
    return upfirdn2d(x, kernel, up=2, padding=(before, after, before, after), gain=4.0)


def downsample2d(x: Tensor, kernel: Tensor) -> Tensor:
    """Halve the side. [N, C, H, W] to [N, C, H / 2, W / 2]."""
    size = kernel.shape[0]
    before, after = (size - 1) // 2, (size - 2) // 2
    return upfirdn2d(x, kernel, down=2, padding=(before, after, before, after))


def depthwise(kernel: Tensor, x: Tensor) -> Tensor:
    """The [KH, KW] filter as the weight of a convolution channel by channel over `x`: [C, 1, KH, KW]."""
    weight = kernel.to(x.dtype).expand(x.shape[1], 1, *kernel.shape)
    return weight.contiguous(memory_format=torch.channels_last)


def _filter(x: Tensor, kernel: Tensor, *, down: int, padding: tuple[int, int, int, int]) -> Tensor:
    """Correlate each channel with `kernel`; uniform padding rides along with the convolution."""
    uniform = padding[0] if len(set(padding)) == 1 and padding[0] >= 0 else 0
    if not uniform and any(padding):
        x = functional.pad(x, padding)
    return conv2d(x, depthwise(kernel, x), stride=down, padding=uniform, groups=x.shape[1])
