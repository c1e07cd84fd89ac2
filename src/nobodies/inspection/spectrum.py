"""The grid that a network leaves in a picture: lines in its spectrum at regular places.

A network that doubles the side of its features step by step, and does not do it perfectly, repeats a small pattern
over the whole picture. In the spectrum that is a lattice of lines at whole fractions of the sampling frequency: a
quarter for a period of 4 px, and so on. JPEG cuts pictures into blocks of 8 px and may leave lines at multiples of an
eighth, so a line there proves little. It leaves none at the odd multiples of a sixteenth.

Source: "CNN-generated images are surprisingly easy to spot", arXiv:1912.11035, section 3.4, and "Watch your
up-convolution", arXiv:2003.01826.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TILE_PX: Final = 256
"""Side of the squares whose spectra are averaged."""
LEAST_PX: Final = 384
"""A picture with a shorter side is not judged: in the mean of a few squares, chance looks like a grid."""
_MOST_TILES: Final = 64
_JPEG: Final = TILE_PX // 8
_ODD: Final = TILE_PX // 16
_QUARTER: Final = TILE_PX // 4
_LOWEST: Final = TILE_PX // 10  # below, pictures have too much of their own
_LUMINANCE: Final = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Grid:
    """How far lines stand above their neighbours in the power spectrum, in decades."""

    quarter: float
    """At a quarter of the sampling frequency, period 4 px. JPEG can do this too."""
    odd: float
    """On average at the odd multiples of a sixteenth, which JPEG does not touch."""


def measure_grid(pixels: NDArray[np.uint8]) -> Grid | None:
    """Look for a grid of period 4 to 16 px.

    Args:
        pixels: [H, W, 3], RGB, at the size at which the network drew it.

    Returns:
        What was found; None if a side is shorter than `LEAST_PX`.
    """
    if min(pixels.shape[:2]) < LEAST_PX:
        return None
    levels = _mean_spectrum(pixels)
    quarter = [(0, _QUARTER), (_QUARTER, 0), (_QUARTER, _QUARTER)]
    odd = [
        (row, column)
        for row in range(0, TILE_PX, _ODD)
        for column in range(0, TILE_PX // 2, _ODD)
        if (row % _JPEG or column % _JPEG) and _distance(row, column) >= _LOWEST
    ]
    return Grid(*(float(np.mean([_excess(levels, *place) for place in places])) for places in (quarter, odd)))


def _mean_spectrum(pixels: NDArray[np.uint8]) -> Array:
    """The mean over tiles of the logarithm of power, to base 10: a tile full of texture does not drown the others."""
    hann = np.hanning(TILE_PX + 1)[:-1].astype(np.float32)
    window = np.outer(hann, hann)
    levels = np.zeros((TILE_PX, TILE_PX))
    places = _tiles(*pixels.shape[:2])
    for top, left in places:
        grey = pixels[top : top + TILE_PX, left : left + TILE_PX].astype(np.float32) @ _LUMINANCE
        power = np.square(np.abs(np.fft.fft2((grey - grey.mean()) * window)))
        levels += np.log10(power + 1.0)  # one: about what rounding to bytes leaves
    return levels / len(places)


def _tiles(height: int, width: int) -> list[tuple[int, int]]:
    """Where tiles begin: half over each other, the middle ones first if there are many."""
    rows, columns = (range(0, side - TILE_PX + 1, TILE_PX // 2) for side in (height, width))
    places = [(row, column) for row in rows for column in columns]
    middle = ((height - TILE_PX) / 2, (width - TILE_PX) / 2)
    return sorted(places, key=lambda each: np.hypot(each[0] - middle[0], each[1] - middle[1]))[:_MOST_TILES]


def _distance(row: int, column: int) -> float:
    """Of a place from the middle of the spectrum, which lies in its corner."""
    return float(np.hypot(min(row, TILE_PX - row), column))


def _excess(levels: Array, row: int, column: int) -> float:
    """How far one place stands above the ring around it."""
    steps = np.arange(-5, 6)
    down, across = np.meshgrid(steps, steps, indexing="ij")
    ring = np.maximum(np.abs(down), np.abs(across)) >= 3
    around = levels[(row + down[ring]) % TILE_PX, (column + across[ring]) % TILE_PX]
    return float(levels[row, column] - np.median(around))
