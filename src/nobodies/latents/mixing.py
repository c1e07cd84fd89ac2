"""Mixing faces: layers of one with layers of another, and averages of several."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError, ShapeError

Array = NDArray[np.float32]

# Shares of the layers of StyleGAN2 at 1024 px, 18 of them: 4 work below 16 px, 4 more below 64 px.
_BANDS: Final = {"coarse": (0, 4), "middle": (4, 8), "fine": (8, 18), "all": (0, 18)}
_BANDS_OF: Final = 18

BANDS: Final = tuple(_BANDS)
"""Parts of the network: "coarse" makes pose and shape, "middle" features, "fine" colours and skin."""


def layers_of(band: str, num_ws: int) -> slice:
    """Give the layers that belong to a band, or to a range of layers.

    Args:
        band: "coarse", "middle", "fine" or "all", or layers such as "3-7" or "5", counted from 0.
        num_ws: number of modulated layers, L.

    Raises:
        SettingError: it is none of these, or reaches beyond the last layer.

    Source: the bands are those of StyleGAN, arXiv:1812.04948, section 3.1.
    """
    if band in _BANDS:
        first, end = (round(edge * num_ws / _BANDS_OF) for edge in _BANDS[band])
        return slice(first, end)
    first_text, dash, last_text = band.partition("-")
    numbers = [first_text, last_text if dash else first_text]
    if not all(text.isascii() and text.isdigit() and len(text) < 5 for text in numbers):
        raise SettingError(f"'{band[:40]}' names no layers: choose {', '.join(BANDS)} or a range such as 3-7")
    first, last = map(int, numbers)
    if not first <= last < num_ws:
        raise SettingError(f"layers {band} do not exist: this model has layers 0 to {num_ws - 1}")
    return slice(first, last + 1)


def mix(base: Array, other: Array, layers: slice, *, strength: float = 1.0) -> Array:
    """Give a face some layers of another one.

    Args:
        base: style codes, [..., L, W].
        other: style codes that broadcast against `base`.
        layers: which of them come from `other`.
        strength: 1 takes them as they are, 0 not at all, one half lies between.

    Returns:
        New array of their common shape.

    Raises:
        ShapeError: the shapes do not go together.

    Source: style mixing of StyleGAN, arXiv:1812.04948.
    """
    try:
        mixed, given = (np.array(each) for each in np.broadcast_arrays(base, other))
    except ValueError:
        raise ShapeError(f"faces of {list(base.shape)} and {list(other.shape)} cannot be mixed") from None
    mixed[..., layers, :] += np.float32(strength) * (given[..., layers, :] - mixed[..., layers, :])
    if strength == 1.0:
        mixed[..., layers, :] = given[..., layers, :]
    return mixed


def mixing_table(rows: Array, columns: Array, layers: slice) -> Array:
    """Mix every face with every other.

    Args:
        rows: style codes of R faces, which keep what is not mixed, [R, L, W].
        columns: style codes of C faces, which give `layers`, [C, L, W].
        layers: what the columns give.

    Returns:
        [R, C, L, W].
    """
    return mix(rows[:, None], columns[None], layers)


def average(ws: Array, weights: Sequence[float] | None = None) -> Array:
    """Give the face between several.

    Args:
        ws: style codes, [N, L, W].
        weights: how much each counts, at least 0; all alike if None.

    Returns:
        [L, W].

    Raises:
        ShapeError: `ws` is not [N, L, W] with a face or more.
        SettingError: weights that are too few or many, negative, or all 0.
    """
    if ws.ndim != 3 or not len(ws):
        raise ShapeError(f"ws is {list(ws.shape)}: an average takes one face or more, [N, L, W]")
    shares = np.ones(len(ws)) if weights is None else np.asarray(weights, np.float64)
    if shares.shape != (len(ws),) or not (shares >= 0).all() or not 0 < shares.sum() < np.inf:
        raise SettingError(f"weights are {weights}: give {len(ws)} numbers from 0 up, not all 0")
    mean: Array = np.tensordot(shares / shares.sum(), ws.astype(np.float64), 1).astype(np.float32)
    return mean
