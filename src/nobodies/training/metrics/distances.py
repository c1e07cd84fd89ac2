"""Distances between two sets of features, [N, F] each, with jackknife intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError

Array = NDArray[Any]

_BLOCKS: Final = 10
_T_95: Final = 2.262
"""Quantile of Student's t for 95% and 9 degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A figure, half the width of its 95% interval, and how many pictures of either kind it rests on."""

    value: float
    interval: float
    num_real: int
    num_made: int

    def __str__(self) -> str:
        return f"{self.value:.4f} ± {self.interval:.4f} (95%, {self.num_made} made, {self.num_real} real)"


def jackknife(estimate: Callable[[Array, Array], float], real: Array, made: Array) -> Estimate:
    """Estimate once on everything and once without each tenth of both sets; their spread gives the interval.

    Raises:
        SettingError: there are too few pictures to leave a tenth out.
    """
    if min(len(real), len(made)) < 2 * _BLOCKS:
        raise SettingError(f"{len(real)} real and {len(made)} made pictures: want at least {2 * _BLOCKS} of each")
    value = estimate(real, made)
    without = [
        estimate(np.delete(real, slice(block, None, _BLOCKS), 0), np.delete(made, slice(block, None, _BLOCKS), 0))
        for block in range(_BLOCKS)
    ]
    spread = float(np.sqrt((_BLOCKS - 1) * np.var(without)))
    return Estimate(value, _T_95 * spread, len(real), len(made))


def kid(real: Array, made: Array) -> float:
    """Squared maximum mean discrepancy under the kernel (x·y / F + 1)³, unbiased; 0 for equal distributions.

    Source: Kernel Inception Distance, arXiv:1801.01401, here on whatever features are given.
    """
    real, made = real.astype(np.float64), made.astype(np.float64)
    return (
        _mean_off_diagonal(_kernel(real, real))
        + _mean_off_diagonal(_kernel(made, made))
        - 2 * float(_kernel(real, made).mean())
    )


def frechet(real: Array, made: Array) -> float:
    """Fréchet distance between the Gaussians of either set. Biased upward under some five thousand pictures.

    Source: arXiv:1706.08500, equation 6.
    """
    real, made = real.astype(np.float64), made.astype(np.float64)
    shift = real.mean(axis=0) - made.mean(axis=0)
    c_real, c_made = np.cov(real, rowvar=False), np.cov(made, rowvar=False)
    values, vectors = np.linalg.eigh(c_real)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ c_made @ root)
    overlap = np.sqrt(np.maximum(product, 0)).sum()
    return float(shift @ shift + np.trace(c_real) + np.trace(c_made) - 2 * overlap)


def precision_recall(real: Array, made: Array, *, neighbours: int = 3) -> tuple[float, float]:
    """Share of made pictures among the real ones, and of real ones among the made.

    A picture is among a set if it is nearer to some member than that member's `neighbours`th nearest in the set.

    Source: arXiv:1904.06991, section 2.
    """
    real, made = real.astype(np.float32), made.astype(np.float32)
    between = _squared_distances(made, real)
    precision = (between <= radii(real, neighbours)[None]).any(axis=1).mean()
    recall = (radii(made, neighbours)[None] >= between.T).any(axis=1).mean()
    return float(precision), float(recall)


def nearest(made: Array, real: Array) -> tuple[Array, Array]:
    """Index of the nearest real picture of each made one, and the distance: [N], [N]."""
    distances = _squared_distances(made.astype(np.float32), real.astype(np.float32))
    found = distances.argmin(axis=1)
    return found, np.sqrt(distances[np.arange(len(made)), found])


def _kernel(a: Array, b: Array) -> Array:
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3)


def _mean_off_diagonal(kernel: Array) -> float:
    n = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def _squared_distances(a: Array, b: Array) -> Array:
    distances = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(distances, 0))


def radii(members: Array, neighbours: int) -> Array:
    """Squared distance of each member to its `neighbours`th nearest other."""
    distances = _squared_distances(members, members)
    np.fill_diagonal(distances, 0)
    return np.asarray(np.partition(distances, neighbours, axis=1)[:, neighbours])
