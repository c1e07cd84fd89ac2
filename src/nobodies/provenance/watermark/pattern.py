"""The pattern that carries the mark: a square tile whose Fourier coefficients are the carriers.

The tile is repeated over the picture four times along its shorter side. Its period is therefore a fixed part of the
picture, whatever the number of pixels, and any piece of the picture of that size holds the whole message. One
carrier in `_SYNC_EVERY` has a phase that never changes: with these a reader finds scale and position. Each of the
others holds two bits of the coded message, in the signs of its real and of its imaginary part.

Which carrier holds what is drawn once and for all from SHAKE-256, so that anyone with this program can read a mark.
That also means that anyone who studies it can remove or imitate one: it is a label, not a seal.

Sources: spread-spectrum marks, Cox et al., "Secure spread spectrum watermarking for multimedia" (1997); repeated
tiles against cropping, Kutter, "Watermarking resisting to translation, rotation, and scaling" (1998); carriers in
the Fourier domain with a template among them, Pereira and Pun, "Robust template matching for affine resistant image
watermarks" (2000).
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.provenance.watermark.code import num_coded_bits

TILE: Final = 64
"""Samples along a side of the tile."""
TILES_PER_SIDE: Final = 4
MESSAGE_BITS: Final = 68
CODED_BITS: Final = num_coded_bits(MESSAGE_BITS)

_LOWEST: Final = 5.0
_HIGHEST: Final = 22.0
"""Band of the carriers, in cycles a tile: 20 to 88 cycles along the shorter side of the picture."""
_SYNC_EVERY: Final = 5
_NAME: Final = b"nobodies watermark 1"

Complex = NDArray[np.complex64]


@dataclass(frozen=True, slots=True, eq=False)
class Carriers:
    """Which Fourier coefficients of the tile hold what. Places index the flattened half spectrum [64, 33]."""

    sync: NDArray[np.intp]
    """Places of the carriers with fixed phase, [S]."""
    sync_phases: Complex
    """Their phases, as complex numbers of length 1, [S]."""
    data: NDArray[np.intp]
    """Places of the carriers that hold the message, [D]."""
    signs: NDArray[np.float32]
    """What each half of a data carrier is multiplied by, ±1, [2 D]: all real parts, then all imaginary parts."""
    bits: NDArray[np.intp]
    """Which coded bit each half holds, [2 D]."""


@cache
def carriers() -> Carriers:
    """Lay out the carriers."""
    places = _band()
    order = np.argsort(_words(b"order", places.size), kind="stable")
    places = places[order]
    is_sync = np.arange(places.size) % _SYNC_EVERY == 0
    sync, data = places[is_sync], places[~is_sync]
    quarters = _words(b"sync", sync.size) % 4
    phases = (1j ** quarters.astype(np.float64) * np.exp(0.25j * np.pi)).astype(np.complex64)
    signs = 1 - 2 * (_words(b"signs", 2 * data.size) % 2).astype(np.float32)
    bits = np.arange(2 * data.size, dtype=np.intp) % CODED_BITS
    return Carriers(sync, phases, data, signs, bits)


def tile_of(coded: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Make the tile of a coded message: zero mean, standard deviation 1.

    Args:
        coded: zeros and ones, [CODED_BITS].

    Returns:
        [64, 64].
    """
    layout = carriers()
    halves = (1 - 2 * coded.astype(np.float32))[layout.bits] * layout.signs
    real, imaginary = np.split(halves, 2)
    spectrum = np.zeros(TILE * (TILE // 2 + 1), np.complex64)
    spectrum[layout.sync] = layout.sync_phases
    spectrum[layout.data] = (real + 1j * imaginary) / np.float32(np.sqrt(2))
    tile = np.fft.irfft2(spectrum.reshape(TILE, -1), s=(TILE, TILE))
    scaled: NDArray[np.float32] = (tile / tile.std()).astype(np.float32)
    return scaled


@cache
def frequencies() -> NDArray[np.float32]:
    """Distance of each coefficient of the half spectrum from zero, cycles a tile, flattened [64 * 33]."""
    down = np.fft.fftfreq(TILE, 1 / TILE)[:, None]
    across = np.fft.rfftfreq(TILE, 1 / TILE)[None]
    distance: NDArray[np.float32] = np.hypot(down, across).astype(np.float32).reshape(-1)
    return distance


def _band() -> NDArray[np.intp]:
    """Places within the band, off both axes, where edges of pictures and of coding blocks gather."""
    radius = frequencies().reshape(TILE, -1)
    inside = (radius >= _LOWEST) & (radius <= _HIGHEST)
    inside[0, :] = inside[:, 0] = False
    return np.flatnonzero(inside)


def _words(purpose: bytes, count: int) -> NDArray[np.uint32]:
    return np.frombuffer(hashlib.shake_256(_NAME + b" " + purpose).digest(4 * count), "<u4").astype(np.uint32)
