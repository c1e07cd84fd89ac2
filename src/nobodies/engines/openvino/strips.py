"""Where to cut the picture so that what is being worked on stays in the processor's cache.

The blocks at high resolution move far more data than they compute with: 33 MB in and out of every step at 512 px.
Run strip by strip, each intermediate is small enough to be still in the cache when the next step reads it. A 3 x 3
convolution needs a row from beyond each border of its strip, so strips overlap; rows are computed twice, never
approximated, and the picture does not show where it was cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Two 3 x 3 convolutions a block, each of which loses a row at a cut.
_REACH = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows [first, last) of a feature map that is `size` rows high."""

    first: int
    last: int
    size: int

    @property
    def count(self) -> int:
        """How many rows."""
        return self.last - self.first

    @property
    def starts_at_edge(self) -> bool:
        """Whether the picture begins here."""
        return self.first == 0

    @property
    def ends_at_edge(self) -> bool:
        """Whether the picture ends here."""
        return self.last == self.size

    def doubled(self) -> "Rows":
        """The same rows after the side has doubled."""
        return Rows(2 * self.first, 2 * self.last, 2 * self.size)

    def shrunk(self) -> "Rows":
        """What one 3 x 3 convolution leaves: a row less at a cut, all at the picture's edge."""
        return Rows(self.first + (not self.starts_at_edge), self.last - (not self.ends_at_edge), self.size)

    def needed_below(self) -> "Rows":
        """The rows a block must be given, at half the side, to make at least these."""
        half = self.size // 2
        return Rows(max(0, (self.first - _REACH) // 2), min(half, -(-(self.last + _REACH) // 2)), half)


def plan(sizes_px: Sequence[int], num_strips: int) -> list[list[Rows]]:
    """Plan the strips of consecutive blocks.

    Args:
        sizes_px: side of the output of each block that is cut, each twice the one before.
        num_strips: how many strips; at most the last side.

    Returns:
        For each strip, from top to bottom, the rows to hand to each block and last the rows of the outcome, which
        together are all rows once.
    """
    last = sizes_px[-1]
    strips = []
    for index in range(num_strips):
        chain = [Rows(last * index // num_strips, last * (index + 1) // num_strips, last)]
        for _ in sizes_px:
            chain.insert(0, chain[0].needed_below())
        strips.append(chain)
    return strips
