"""Ways from face to face: straight lines, arcs, curves, and the pace on them."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError, ShapeError

Array = NDArray[np.float32]
Times = NDArray[np.float64]

Pace = Literal["linear", "eased"]
_ALMOST_PARALLEL: Final = 1e-4


def frame_times(num_keys: int, frames_per_step: int, *, loop: bool = False, pace: Pace = "eased") -> Times:
    """Give where on the way each frame is.

    Args:
        num_keys: faces on the way, 2 or more.
        frames_per_step: frames from one face to the next, 1 or more.
        loop: go back to the first face; the last frame is then the one before it, so that playing it again goes on.
        pace: "linear" at one speed, "eased" slower near each face.

    Returns:
        Numbers that count the faces: 0 at the first, 1.5 halfway between the second and the third.

    Raises:
        SettingError: too few faces or frames.
    """
    if num_keys < 2 or frames_per_step < 1:
        raise SettingError("a way needs 2 faces or more and a frame or more between them")
    num_steps = num_keys if loop else num_keys - 1
    times = np.arange(num_steps * frames_per_step + (not loop)) / frames_per_step
    whole = np.floor(times)
    part = times - whole
    return whole + (part * part * (3 - 2 * part) if pace == "eased" else part)


def slerp(a: Array, b: Array, share: float) -> Array:
    """Go along the great arc between two latent codes, and between their lengths.

    Args:
        a: latent code, [Z].
        b: latent code, [Z].
        share: 0 gives `a`, 1 gives `b`.

    Source: Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985; for latent codes White,
        arXiv:1609.04468.
    """
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if not min(lengths) > 0:
        return ((1 - share) * a + share * b).astype(np.float32)
    start, end = a / lengths[0], b / lengths[1]
    cosine = float(np.clip(start.astype(np.float64) @ end.astype(np.float64), -1, 1))
    angle = np.arccos(cosine)
    if np.sin(angle) < _ALMOST_PARALLEL:
        return ((1 - share) * a + share * b).astype(np.float32)
    direction = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
    along: Array = (((1 - share) * lengths[0] + share * lengths[1]) * direction).astype(np.float32)
    return along


def along_arcs(keys: Array, times: Times) -> Array:
    """Give latent codes on the way through `keys`, [K, Z], by great arcs: [F, Z]. Past the last comes the first."""
    _require_keys(keys)
    return np.stack([slerp(*_neighbours(keys, time), time % 1) for time in times])


def along_lines(keys: Array, times: Times) -> Array:
    """Give codes on the way through `keys`, [K, ...], by straight lines: [F, ...]. After the last comes the first."""
    _require_keys(keys)
    ways = [(*_neighbours(keys, time), np.float32(time % 1)) for time in times]
    # Exactly the face itself where the way passes it.
    return np.stack([a + share * (b - a) if share else a for a, b, share in ways])


def along_curve(keys: Array, times: Times) -> Array:
    """Give style codes on a closed curve through `keys`, [K, ...], that has no corners: [F, ...].

    Source: Catmull and Rom, "A class of local interpolating splines", 1974.
    """
    _require_keys(keys)
    return np.stack([_catmull_rom(keys, time) for time in times])


def _catmull_rom(keys: Array, time: float) -> Array:
    first, t = int(time), time % 1
    before, a, b, after = (keys[(first + offset) % len(keys)] for offset in (-1, 0, 1, 2))
    blend = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
    shares = [np.float32(share / 2) for share in blend]
    point: Array = shares[0] * before + shares[1] * a + shares[2] * b + shares[3] * after
    return point


def _neighbours(keys: Array, time: float) -> tuple[Array, Array]:
    first = int(time)
    return keys[first % len(keys)], keys[(first + 1) % len(keys)]


def _require_keys(keys: Array) -> None:
    if keys.ndim < 2 or len(keys) < 2:
        raise ShapeError(f"the faces on the way are {list(keys.shape)}: give 2 or more, one a row")
