"""Geometric augmentations: a matrix a picture, then one resampling without aliasing.

Source: arXiv:2006.06676, appendix B, "pixel blitting" and "general geometric transformations".
"""

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from nobodies.training.augment.draws import Draws

# Low-pass taps of Daubechies' least-asymmetric wavelet of order 6: PyWavelets 'sym6'. Their sum is the root of 2.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip

EDGE = len(SYM6) // 2
"""Reach of the filter in original pixels."""


def _matrices(*rows: list[Tensor | float]) -> Tensor:
    """Stack 3x3 matrices [N, 3, 3] from entries that are numbers or [N]."""
    flat = [entry for row in rows for entry in row]
    like = next(entry for entry in flat if isinstance(entry, Tensor))
    filled = [entry if isinstance(entry, Tensor) else torch.full_like(like, entry) for entry in flat]
    return torch.stack(filled, dim=1).reshape(-1, 3, 3)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Scale by x and y, [N] each, to [N, 3, 3]."""
    return _matrices([x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0])


def rotation(angle: Tensor) -> Tensor:
    """Turn by an angle [N] in radians, to [N, 3, 3]."""
    cos, sin = angle.cos(), angle.sin()
    return _matrices([cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0])


def translation(x: Tensor, y: Tensor) -> Tensor:
    """Shift by x and y, [N] each, to [N, 3, 3]."""
    return _matrices([1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0])


def draw_matrices(draws: Draws, parts: list[str], side: int) -> Tensor:
    """Draw the transform of each picture.

    Args:
        draws: randomness and strength.
        parts: of "flip", "blit", "geometry", those to apply.
        side: of the pictures in pixels.

    Returns:
        [N, 3, 3], from pixels of the source to pixels of the result, origin at the centre.
    """
    device = draws.uniform(0, 1).device
    matrix = torch.eye(3, device=device).expand(draws.count, 3, 3)
    if "flip" in parts:
        x = draws.applied(1 - 2 * draws.integer(2), 1.0)
        matrix = scaling(x, torch.ones_like(x)) @ matrix
    if "blit" in parts:
        matrix = rotation(draws.applied(draws.integer(4), 0.0) * (math.pi / 2)) @ matrix
        shift = (draws.applied(draws.uniform(-0.125, 0.125, 2), 0.0) * side).round()
        matrix = translation(shift[:, 0], shift[:, 1]) @ matrix
    return _general(draws, side) @ matrix if "geometry" in parts else matrix


def _general(draws: Draws, side: int) -> Tensor:
    """Scale, turn, stretch, turn and shift, [N, 3, 3]."""
    # Two turns make one of any angle likelier than p: each takes the share that makes both together p.
    p_turn = 1 - math.sqrt(1 - draws.p)
    scale = draws.applied(draws.normal(0.2).exp2(), 1.0)
    turn = draws.applied(draws.uniform(-math.pi, math.pi), 0.0, p=p_turn)
    stretch = draws.applied(draws.normal(0.2).exp2(), 1.0)
    turn_again = draws.applied(draws.uniform(-math.pi, math.pi), 0.0, p=p_turn)
    shift = draws.applied(draws.normal(0.125, 2), 0.0) * side
    matrix = rotation(turn) @ scaling(scale, scale)
    matrix = rotation(turn_again) @ scaling(stretch, 1 / stretch) @ matrix
    return translation(shift[:, 0], shift[:, 1]) @ matrix


def warp(img: Tensor, matrix: Tensor) -> Tensor:
    """Transform pictures, mirrored beyond their edges, through twice the resolution and back.

    Args:
        img: [N, P, R, R].
        matrix: [N, 3, 3], see `draw_matrices`.

    Returns:
        [N, P, R, R], twice differentiable with respect to `img`.
    """
    side = img.shape[2]
    inverse = torch.linalg.inv(matrix)
    pad = _margin(inverse, side)
    up = _up_matrix(side, pad).to(img)  # [2(R + 2·pad), R]
    down = _down_matrix(side).to(img)  # [R, 2(R + 2·EDGE)]
    img = up @ img @ up.t()
    img = _sample(img, _theta(inverse, down.shape[1], img.shape[3]), down.shape[1])
    return down @ img @ down.t()


def _up_matrix(side: int, pad: int) -> Tensor:
    """Mirror a line of `side` pixels beyond its ends and double it, as a matrix.

    Filters of 12 taps over three channels suit no convolution kernel. As matrix products, mirroring included, they
    are fast at the sides that are trained with augmentation, and any derivative comes for free.
    """
    taps = _taps()
    lines = functional.pad(torch.eye(side)[None], (pad, pad), mode="reflect")[0]  # one line a source pixel
    apart = lines.new_zeros(side, 2 * lines.shape[1])
    apart[:, ::2] = lines
    before, after = (len(taps) + 1) // 2, (len(taps) - 2) // 2
    apart = functional.pad(apart, (before, after))
    return functional.conv1d(apart[:, None], taps.flip(0)[None, None] * 2)[:, 0].t()


def _down_matrix(side: int) -> Tensor:
    """Halve a doubled line that reaches EDGE original pixels beyond both ends of a line of `side`, as a matrix."""
    taps = _taps()
    crop = 2 * EDGE - (len(taps) - 1) // 2
    lines = torch.eye(2 * (side + 2 * EDGE))[:, crop : 1 - crop or None]
    return functional.conv1d(lines[:, None], taps[None, None], stride=2)[:, 0].t()[:side]


def _taps() -> Tensor:
    taps = torch.tensor(SYM6)
    return taps / taps.sum()


def _margin(inverse: Tensor, side: int) -> int:
    """Pixels to mirror at each edge so that the transforms do not look beyond them."""
    half = (side - 1) / 2 + EDGE
    signs = torch.tensor([[-1.0, -1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]]).to(inverse)
    corners = signs * torch.tensor([half, half, 1.0]).to(inverse)
    reach = (inverse @ corners.t())[:, :2].abs().max().item()
    return int(min(max(math.ceil(reach - (side - 1) / 2) + EDGE, 0), side - 1))


def _theta(inverse: Tensor, out_side: int, in_side: int) -> Tensor:
    """Where in a doubled, mirrored picture each pixel of the doubled result lies: [N, 2, 3] for `affine_grid`.

    Both share their origin with the original picture, but for the lag of the wavelet, which is not quite symmetric:
    doubled pictures lie that much too far right and down.
    """
    taps = _taps()
    lag = ((taps * torch.arange(len(taps))).sum() - (len(taps) - 1) / 2).to(inverse).expand(len(inverse))
    matrix = inverse.clone()
    matrix[:, :2, 2] *= 2  # shifts, in doubled pixels
    matrix = translation(lag, lag) @ matrix @ translation(-lag, -lag)
    matrix[:, :2, :2] *= out_side / in_side
    matrix[:, :2, 2] *= 2 / in_side
    return matrix[:, :2]


def _sample(img: Tensor, theta: Tensor, side: int) -> Tensor:
    """Read pictures at an affine grid, bilinearly."""
    grid = functional.affine_grid(theta, [img.shape[0], img.shape[1], side, side], align_corners=False)
    return cast(Tensor, _GridSample.apply(img.contiguous(), grid))  # type: ignore[no-untyped-call]


class _GridSample(torch.autograd.Function):
    """Bilinear reading, which is linear in the picture, so that its derivative's derivative is itself again."""

    @staticmethod
    def forward(ctx: Any, img: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.img_shape = img.shape
        return functional.grid_sample(img, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return cast(Tensor, _GridSpread.apply(grads[0], grid, ctx.img_shape)), None  # type: ignore[no-untyped-call]


class _GridSpread(torch.autograd.Function):
    """The transpose of `_GridSample`."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, grid: Tensor, img_shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        blank = g.new_zeros(img_shape)
        spread = torch.ops.aten.grid_sampler_2d_backward(g.contiguous(), blank, grid, 0, 0, False, (True, False))
        return cast(Tensor, spread[0])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return cast(Tensor, _GridSample.apply(grads[0].contiguous(), grid)), None, None  # type: ignore[no-untyped-call]
