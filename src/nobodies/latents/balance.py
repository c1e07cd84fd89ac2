"""Evening out what a generator makes: by age, by looking like a woman or a man, and by how light the skin is as lit.

The faces of a network are spread as the photographs were that it learned from. Here a seed is kept with a chance that
is the smaller the more seeds look like it, so that what is kept is spread evenly over the groups below. (Rejection
sampling: von Neumann, "Various techniques used in connection with random digits", 1951.) The chance is drawn from the
seed itself, so the same seeds are kept each time.

Groups are about how a picture looks, read from style codes. Skin is as lit: a face in the shade counts as darker.
None of them is race, which nothing here predicts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.latents.attributes import AttributeModel

Scores = NDArray[np.float64]

AGE_EDGES: Final = (30.0, 45.0, 60.0)
"""Groups of apparent age, years: under 30, 30 to 45, 45 to 60, and above."""
SKIN_EDGES: Final = (56.0, 67.0)
"""Groups of skin as lit, L* of CIELAB: darker, medium and lighter."""
NEEDED: Final = ("age", "woman", "skin_lightness")
NUM_GROUPS: Final = (len(AGE_EDGES) + 1) * 2 * (len(SKIN_EDGES) + 1)
_RAREST: Final = 1e-3
"""A group rarer than this is kept whole and does not hold the others back: else thousands of seeds would be passed
over for each that is kept."""
_UNIT: Final = 2.0**-53


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """How likely a face of each group is kept."""

    attributes: AttributeModel
    shares: NDArray[np.float64]
    """Of each group among all faces, before, [NUM_GROUPS]."""
    chances: NDArray[np.float64]
    """Of being kept, [NUM_GROUPS]."""

    @classmethod
    def measure(cls, attributes: AttributeModel, scores: Scores) -> "Balance":
        """See how faces are spread.

        Args:
            attributes: of the generator.
            scores: of many faces, as drawn without any choice but the wishes, [N, K].

        Raises:
            SettingError: the attributes lack one of `NEEDED`.
        """
        counts = np.bincount(groups_of(attributes, scores), minlength=NUM_GROUPS)
        shares = counts / max(1, counts.sum())
        common = shares[shares >= _RAREST]
        least = common.min() if common.size else 1.0
        chances = np.minimum(1.0, np.divide(least, shares, out=np.ones(NUM_GROUPS), where=shares > 0))
        return cls(attributes, shares, chances)

    @property
    def kept_share(self) -> float:
        """Share of all faces that is kept."""
        return float(self.shares @ self.chances)

    def keeps(self, seeds: Sequence[int], scores: Scores) -> NDArray[np.bool_]:
        """Tell which faces are kept.

        Args:
            seeds: theirs, [N].
            scores: theirs, [N, K].

        Returns:
            [N]. Whether a face is kept depends on nothing but its seed and its own scores.
        """
        drawn = np.array([_drawn(seed) for seed in seeds])
        kept: NDArray[np.bool_] = drawn < self.chances[groups_of(self.attributes, scores)]
        return kept


def groups_of(attributes: AttributeModel, scores: NDArray[Any]) -> NDArray[np.intp]:
    """Give the group of each face, 0 to NUM_GROUPS - 1; arguments as for `Balance.measure`."""
    age, woman, skin = (scores[:, attributes.index(name)] for name in NEEDED)
    return group_numbers(age, woman > 0, skin)


def group_numbers(age: NDArray[Any], woman: NDArray[np.bool_], skin: NDArray[Any]) -> NDArray[np.intp]:
    """Give the group of each face from its values, [N] each; see `group_names`."""
    ages, skins = np.searchsorted(AGE_EDGES, age, side="right"), np.searchsorted(SKIN_EDGES, skin, side="right")
    numbers: NDArray[np.intp] = (ages * 2 + ~woman) * (len(SKIN_EDGES) + 1) + skins
    return numbers


def group_names() -> list[str]:
    """Name the groups in their order."""
    edges = [f"{edge:g}" for edge in AGE_EDGES]
    ages = [f"under {edges[0]}", *(f"{low} to {high}" for low, high in pairwise(edges))]
    ages.append(f"{edges[-1]} and over")
    return [", ".join(names) for names in product(ages, ("woman", "man"), ("darker", "medium", "lighter"))]


def _drawn(seed: int) -> float:
    """Draw from [0, 1), always the same for a seed."""
    digest = hashlib.blake2b(seed.to_bytes(8, "little"), digest_size=8, person=b"nobodies balance").digest()
    return (int.from_bytes(digest, "little") >> 11) * _UNIT
