"""The whole pipeline: geometry, colour, filtering, noise, cutout, in the order of the paper.

Source: arXiv:2006.06676, appendix B.
"""

import torch
from torch import Tensor

from nobodies.training.augment import colour, filtering, geometry
from nobodies.training.augment.draws import Draws

GEOMETRIC = ("flip", "blit", "geometry")


class AugmentPipeline:
    """Transforms batches of pictures with a strength that may change from call to call.

    Args:
        parts: names of the transforms to use, see `training.config.AUGMENT_PARTS`.
    """

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts

    def __call__(self, img: Tensor, *, p: float, rng: torch.Generator | None = None) -> Tensor:
        """Transform pictures.

        Args:
            img: [N, P, R, R] in about [-1, 1].
            p: probability of each transform; at 0 the pictures pass unchanged.
            rng: source of randomness; torch's own if not given.

        Returns:
            [N, P, R, R], twice differentiable with respect to `img`.
        """
        if p <= 0 or not self.parts:
            return img
        draws = Draws(img.shape[0], p, rng=rng, device=img.device)
        if any(part in self.parts for part in GEOMETRIC):
            img = geometry.warp(img, geometry.draw_matrices(draws, self.parts, img.shape[2]))
        if "colour" in self.parts:
            img = colour.recolour(img, colour.draw_matrices(draws))
        if "filter" in self.parts:
            img = filtering.apply_gains(img, filtering.draw_gains(draws))
        if "noise" in self.parts:
            strength = draws.applied(draws.normal(0.1).abs(), 0.0)
            img = img + draws.normal(1.0, *img.shape[1:]) * strength[:, None, None, None]
        return img * _cutout(draws, img) if "cutout" in self.parts else img


def _cutout(draws: Draws, img: Tensor) -> Tensor:
    """Mask with a black square of half the side at a random place, [N, 1, R, R]."""
    side = draws.applied(torch.full((draws.count, 1), 0.5, device=img.device), 0.0)[:, :, None]
    centre = draws.uniform(0, 1, 2)
    at = (torch.arange(img.shape[2], device=img.device) + 0.5) / img.shape[2]
    near_x = (at[None, None, :] - centre[:, :1, None]).abs() < side / 2  # [N, 1, R]
    near_y = (at[None, None, :] - centre[:, 1:, None]).abs() < side / 2
    return (~(near_x[:, :, None, :] & near_y[:, :, :, None])).float()
