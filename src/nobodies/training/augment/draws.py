"""Random parameters of augmentations: one a picture, each left neutral with probability 1 - p."""

import torch
from torch import Tensor


class Draws:
    """Draws for a batch of `count` pictures at strength `p`."""

    def __init__(self, count: int, p: float, *, rng: torch.Generator | None, device: torch.device) -> None:
        self.count, self.p, self._rng, self._device = count, p, rng, device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers, [N, *shape]."""
        numbers = torch.rand(self.count, *shape, generator=self._rng, device=self._device)
        return low + (high - low) * numbers

    def normal(self, std: float, *shape: int) -> Tensor:
        """Normal numbers, [N, *shape]."""
        return std * torch.randn(self.count, *shape, generator=self._rng, device=self._device)

    def integer(self, count: int) -> Tensor:
        """Whole numbers from 0 to `count` - 1, [N]."""
        return torch.randint(count, (self.count,), generator=self._rng, device=self._device).float()

    def applied(self, value: Tensor, neutral: float, *, p: float | None = None) -> Tensor:
        """Keep `value` [N, …] where a coin of probability `p` says so, and put `neutral` elsewhere."""
        p = self.p if p is None else p
        coin = self.uniform(0, 1) < p
        return torch.where(coin.reshape(-1, *[1] * (value.ndim - 1)), value, torch.full_like(value, neutral))
