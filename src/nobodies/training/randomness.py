"""Every random number of a training run is a function of its seed and of where in the run it is drawn.

No generator lives on from one step to the next, so there is no random state to save or to lose: a run that is killed
and continued, or spread over another number of processes, draws the same numbers.
"""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *place: int | str) -> int:
    """Make a 63-bit seed for one place in a run from the seed of the run."""
    text = "/".join(map(str, (seed, *place)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def torch_rng(seed: int, *place: int | str, device: "torch.device | str" = "cpu") -> "torch.Generator":
    """A fresh torch generator for one place in a run."""
    import torch

    return torch.Generator(device=device).manual_seed(derive_seed(seed, *place))


def epoch_order(seed: int, epoch: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The order in which an epoch shows the `size` pictures of a dataset."""
    return np.random.default_rng(derive_seed(seed, "epoch", epoch)).permutation(size)


class DataOrder:
    """The endless sequence of pictures that a run sees: one random order after the other."""

    def __init__(self, size: int, *, seed: int) -> None:
        self.size, self.seed = size, seed
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)

    def indices(self, start: int, count: int) -> list[int]:
        """Which pictures of the dataset are the `start`th to `start + count`th that the run sees."""
        return [self._at(position) for position in range(start, start + count)]

    def _at(self, position: int) -> int:
        epoch, offset = divmod(position, self.size)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_order(self.seed, epoch, self.size)
        return int(self._order[offset])
