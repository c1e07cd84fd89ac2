"""Where a network is cut, across its depth and across the picture, and what comes out of it."""

from dataclasses import dataclass
from typing import Literal

Output = Literal["uint8", "float32"]
"""Bytes [1, R, R, 3] as a picture file takes them, or floats [1, 3, R, R] as the network gives them."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the network is cut, across its depth and across the picture."""

    coarse_to_px: int = 32
    """Blocks up to this side belong to the coarse graph."""
    strips_from_px: int = 256
    """Blocks from this side on are run strip by strip."""
    num_strips: int = 8
