"""What a mark says: 64 bits, and of what kind they are."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError

_KIND_BITS = 4
_NUMBER_BITS = 64


class Kind(IntEnum):
    """Meaning of the number in a mark."""

    SEED = 1
    """The seed of the face."""
    DIGEST = 2
    """The first 64 bits of a checksum of the recipe: tells two faces apart. It does not show the seed, though whoever
    makes faces from many seeds may find the one that fits."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a mark says."""

    kind: Kind
    number: int
    """0 to 2**64 - 1."""

    def __post_init__(self) -> None:
        """Refuse a number that does not fit.

        Raises:
            SettingError: it does not.
        """
        if not 0 <= self.number < 1 << _NUMBER_BITS:
            raise SettingError(f"a watermark holds 0 to 2**64 - 1, not {self.number}")

    def bits(self) -> NDArray[np.uint8]:
        """Write the message as zeros and ones, [68], the highest first."""
        word = self.kind << _NUMBER_BITS | self.number
        places = range(_KIND_BITS + _NUMBER_BITS)
        return np.array([word >> place & 1 for place in reversed(places)], np.uint8)

    @classmethod
    def from_bits(cls, bits: NDArray[np.uint8]) -> Self | None:
        """Read a message; None if its kind is unknown."""
        word = int("".join(map(str, bits.tolist())), 2)
        try:
            return cls(Kind(word >> _NUMBER_BITS), word & ((1 << _NUMBER_BITS) - 1))
        except ValueError:
            return None
