"""Finding how a marked picture was turned and scaled, from the strengths of its frequencies alone.

A tile that is repeated has power at whole multiples of one frequency only: a square lattice in the spectrum of the
picture, which turns and stretches with it and does not care where it was cut. Adding up the power where the carriers
of a turned and scaled lattice would lie tells whether the picture was turned so, for a few hundred lookups.

Source: the regular peaks of repeated marks, Kutter, "Watermarking resisting to translation, rotation, and scaling"
(1998), here in the frequency domain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.provenance.watermark.pattern import TILE, TILES_PER_SIDE, carriers, frequencies

Float = NDArray[np.float32]
Float64 = NDArray[np.float64]

_WHOLE_DEGREES: Final = np.arange(-45, 45, 0.25)
_PART_DEGREES: Final = np.arange(-15, 15.01, 0.5)
_PART_SCALE: Final = 1.012
_BROAD: Final = 14.0
"""Carriers up to so many cycles a tile are broad enough for the steps of the second search."""
_FINE_DEGREES: Final = np.linspace(-0.3, 0.3, 5)
_FINE_SCALES: Final = 1 + np.linspace(-0.006, 0.006, 5)
_NUM_ROUGH: Final = 10
_NUM_EACH: Final = 2
_CHUNK: Final = 256
_CELL: Final = 16
_MOST_STRENGTH: Final = 3.0


@dataclass(frozen=True, slots=True)
class Turn:
    """A lattice that a picture may have."""

    period_px: float
    degrees: float
    """How far the picture was turned counter-clockwise. Quarter turns look alike."""


class Lattice:
    """The spectrum of a picture, in which lattices are looked for."""

    def __init__(self, working: Image.Image) -> None:
        """Take a picture of mode F, with its noise divided out."""
        self._strengths, self._side = _strengths(working), min(working.size)

    def strength(self, periods: Float64, degrees: Float64) -> Float:
        """Tell how strong lattices of these periods, turned so far, are: 1 on average, [N] each."""
        return _score(self._strengths, periods, degrees, _carried(np.inf))

    def turns(self, smallest_px: float, largest_px: float) -> Iterator[Turn]:
        """Give the likeliest lattices, two of each of two searches.

        The first is for whole pictures, turned by any angle on a canvas that was kept or grew with them; the second
        for any part of a picture, turned by at most 15 degrees, as when somebody straightens it and crops.

        Args:
            smallest_px: period to look for.
            largest_px: likewise.
        """
        angles = np.radians(_WHOLE_DEGREES)
        kept = np.full(angles.size, self._side / TILES_PER_SIDE)
        grown = kept / (np.abs(np.cos(angles)) + np.abs(np.sin(angles)))
        yield from _best(self._strengths, np.r_[kept, grown], np.tile(_WHOLE_DEGREES, 2), _carried(np.inf))
        num_scales = int(np.log(largest_px / smallest_px) / np.log(_PART_SCALE))
        periods, degrees = np.meshgrid(smallest_px * _PART_SCALE ** np.arange(num_scales), _PART_DEGREES)
        yield from _best(self._strengths, periods.ravel(), degrees.ravel(), _carried(_BROAD))


def _strengths(working: Image.Image) -> Float:
    """Give the magnitude of each frequency next to that of its neighbours, [2 H', W' + 1], H' and W' powers of 2."""
    shape = tuple(2 << (side - 1).bit_length() for side in reversed(working.size))
    magnitude = Image.fromarray(np.abs(np.fft.rfft2(np.asarray(working, np.float32), s=shape)).astype(np.float32))
    cells = (magnitude.width // _CELL, magnitude.height // _CELL)
    around = magnitude.resize(cells, Image.Resampling.BOX).resize(magnitude.size, Image.Resampling.BILINEAR)
    relative: Float = np.asarray(magnitude) / np.maximum(np.asarray(around), np.float32(1e-6))
    return np.minimum(relative, np.float32(_MOST_STRENGTH))


@cache
def _carried(radius: float) -> Float:
    """Give the frequencies of the carriers up to `radius`, cycles a tile across and down, [2, N]."""
    layout = carriers()
    places = np.concatenate([layout.sync, layout.data])
    row, column = np.divmod(places[frequencies()[places] <= radius], TILE // 2 + 1)
    return np.stack([column, np.where(row > TILE // 2, row - TILE, row)]).astype(np.float32)


def _best(strengths: Float, periods: Float64, degrees: Float64, carried: Float) -> Iterator[Turn]:
    """Give the strongest lattices of those whose periods and angles are given, [N] each.

    What looks strong by `carried` is looked at again finely, by all carriers; that decides.
    """
    found = _score(strengths, periods, degrees, carried)
    refined = []
    for _ in range(_NUM_ROUGH):
        place = int(found.argmax())
        refined.append(_refined(strengths, periods[place], degrees[place]))
        near = (np.abs(np.log(periods / periods[place])) < 0.03) & (np.abs(degrees - degrees[place]) < 1)
        found[near] = -np.inf
    refined.sort(key=lambda each: each[0], reverse=True)
    yield from (turn for _, turn in refined[:_NUM_EACH])


def _refined(strengths: Float, period: float, degrees: float) -> tuple[float, Turn]:
    periods, turns = (
        each.ravel() for each in np.meshgrid(period * _FINE_SCALES, degrees + _FINE_DEGREES, indexing="ij")
    )
    scores = _score(strengths, periods, turns, _carried(np.inf))
    place = int(scores.argmax())
    return float(scores[place]), Turn(float(periods[place]), float(turns[place]))


def _score(strengths: Float, periods: Float64, degrees: Float64, carried: Float) -> Float:
    """Give the mean strength at the places of the carriers of each lattice, [N]."""
    height, width = strengths.shape[0], 2 * (strengths.shape[1] - 1)
    across, down = carried
    scores = np.empty(periods.size, np.float32)
    for start in range(0, periods.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        scale = (1 / periods[part, None]).astype(np.float32)
        angle = np.radians(degrees[part, None]).astype(np.float32)
        x = (np.cos(angle) * across + np.sin(angle) * down) * scale * np.float32(width)
        y = (np.cos(angle) * down - np.sin(angle) * across) * scale * np.float32(height)
        column, row = np.rint(x).astype(np.int32), np.rint(y).astype(np.int32)
        row = np.where(column < 0, -row, row) % height
        column = np.minimum(np.abs(column), strengths.shape[1] - 1)
        scores[part] = strengths[row, column].mean(1)
    return scores
