"""Style codes: one w for each modulated layer, pulled toward the average and mixed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import ShapeError

Array = NDArray[np.float32]


def broadcast(w: Array, num_ws: int) -> Array:
    """Give every layer the same code.

    Args:
        w: codes, [N, W].
        num_ws: number of modulated layers.

    Returns:
        [N, num_ws, W].

    Raises:
        ShapeError: `w` is not [N, W].
    """
    if w.ndim != 2:
        raise ShapeError(f"w is {list(w.shape)}: it must be [N, W], one code a face")
    return np.repeat(w[:, None], num_ws, axis=1)


def truncate(ws: Array, w_avg: Array, *, psi: float, cutoff: int | None = None) -> Array:
    """Pull style codes toward the average face.

    Args:
        ws: style codes, [N, L, W], one row for each synthesis layer.
        w_avg: mean style code, [W].
        psi: 1 keeps `ws`, 0 gives the average face.
        cutoff: change layers [0, cutoff) only; None changes all.

    Returns:
        New array shaped like `ws`.

    Raises:
        ShapeError: `ws` is not [N, L, W] with the W of `w_avg`.

    Source: the truncation trick of StyleGAN, arXiv:1812.04948.
    """
    if ws.ndim != 3 or w_avg.shape != ws.shape[2:]:
        raise ShapeError(f"ws is {list(ws.shape)} and w_avg {list(w_avg.shape)}: they must be [N, L, W] and [W]")
    truncated: Array = ws.copy()
    # At psi 1 nothing may change, not even the last bit, as a + (b - a) would.
    if psi != 1.0:
        truncated[:, :cutoff] = w_avg + np.float32(psi) * (ws[:, :cutoff] - w_avg)
    return truncated


def conform(w: NDArray[Any], *, num_ws: int, w_dim: int) -> Array:
    """Bring codes given by a user into the shape the synthesis takes.

    Args:
        w: [W], [L, W], [N, W] or [N, L, W]. A matrix is taken as one face with a code a layer if it has exactly
            `num_ws` rows, and as one code a face otherwise.
        num_ws: number of modulated layers, L.
        w_dim: length of a code, W.

    Returns:
        float32 [N, L, W].

    Raises:
        ShapeError: none of these shapes, or a value that is not finite.
    """
    codes: NDArray[Any] = np.asarray(w)
    if codes.dtype.kind not in "fiu":
        raise ShapeError(f"w holds {codes.dtype}: it must hold numbers")
    codes = codes.astype(np.float32)
    if codes.ndim == 1:
        codes = codes[None]
    if codes.ndim == 2:
        codes = codes[None] if codes.shape[0] == num_ws else broadcast(codes, num_ws)
    if codes.ndim != 3 or codes.shape[1:] != (num_ws, w_dim):
        raise ShapeError(
            f"w is {list(np.shape(w))}: this model takes [{w_dim}], [N, {w_dim}] or [N, {num_ws}, {w_dim}]"
        )
    if not np.isfinite(codes).all():
        raise ShapeError("w holds values that are not finite numbers")
    result: Array = codes
    return result
