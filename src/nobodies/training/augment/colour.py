"""Colour augmentations: a 4x4 matrix a picture on its three channels and 1.

Source: arXiv:2006.06676, appendix B, "color transformations".
"""

import math

import torch
from torch import Tensor

from nobodies.training.augment.draws import Draws


def draw_matrices(draws: Draws) -> Tensor:
    """Draw brightness, contrast, luma flip, hue and saturation of each picture, [N, 4, 4]."""
    brightness = draws.applied(draws.normal(0.2), 0.0)
    contrast = draws.applied(draws.normal(0.5).exp2(), 1.0)
    flip = draws.applied(draws.integer(2), 0.0)
    hue = draws.applied(draws.uniform(-math.pi, math.pi), 0.0)
    saturation = draws.applied(draws.normal(1.0).exp2(), 1.0)

    grey = torch.full((3, 3), 1 / 3, device=hue.device)  # projection on the grey axis (1, 1, 1)
    eye = torch.eye(3, device=hue.device)
    matrix = _linear(contrast[:, None, None] * eye) @ _shift(brightness)
    matrix = _linear(eye - 2 * grey * flip[:, None, None]) @ matrix
    matrix = _linear(_about_grey(hue, grey, eye)) @ matrix
    return _linear(grey + (eye - grey) * saturation[:, None, None]) @ matrix


def recolour(img: Tensor, matrix: Tensor) -> Tensor:
    """Apply colour matrices [N, 4, 4] to pictures [N, P, R, R]. Alpha stays; grey takes the mean of the rows."""
    linear, shift = matrix[:, :3, :3], matrix[:, :3, 3:]
    if img.shape[1] == 1:
        linear, shift = linear.sum(dim=2, keepdim=True).mean(dim=1, keepdim=True), shift.mean(dim=1, keepdim=True)
    colours = img[:, :3].flatten(2)
    mixed = (linear @ colours + shift).reshape(img[:, :3].shape)
    return torch.cat([mixed, img[:, 3:]], dim=1)


def _linear(matrix: Tensor) -> Tensor:
    """Extend [N, 3, 3] to [N, 4, 4]."""
    extended = torch.eye(4, device=matrix.device).repeat(matrix.shape[0], 1, 1)
    extended[:, :3, :3] = matrix
    return extended


def _shift(amount: Tensor) -> Tensor:
    """Add `amount` [N] to all channels, [N, 4, 4]."""
    matrix = torch.eye(4, device=amount.device).repeat(amount.shape[0], 1, 1)
    matrix[:, :3, 3] = amount[:, None]
    return matrix


def _about_grey(angle: Tensor, grey: Tensor, eye: Tensor) -> Tensor:
    """Rodrigues' rotation about the grey axis by `angle` [N], [N, 3, 3]."""
    v = 1 / math.sqrt(3)
    cross = torch.tensor([[0.0, -v, v], [v, 0.0, -v], [-v, v, 0.0]], device=angle.device)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cos * eye + sin * cross + (1 - cos) * grey
