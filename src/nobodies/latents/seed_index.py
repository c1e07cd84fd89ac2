"""A table of what the first seeds' faces look like, so that a search passes over most of them without work.

It holds the scores of untruncated codes in 8 bits. Truncation moves every score along a line, so one table serves all
of them. What the table lets pass is still screened exactly: the same seeds are found with it and without.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.packing import Arrays, pack, unpack

Array = NDArray[np.float32]
Float = NDArray[np.float64]

FORMAT: Final = "nobodies-seed-index-1"
NUM_SEEDS: Final = 1 << 16
"""Seeds in a table, from 0 on."""
_LEVELS: Final = 254
_MOST_BYTES: Final = 64 << 20


class SeedIndex:
    """Scores of the seeds from 0 on, in 8 bits."""

    def __init__(self, levels: NDArray[np.uint8], low: Array, step: Array, attributes: str) -> None:
        """Take the table.

        Args:
            levels: [N, K], one row a seed.
            low: the score that level 0 stands for, [K].
            step: from one level to the next, [K].
            attributes: digest of the attribute model that gave the scores.

        Raises:
            WeightsError: the arrays do not fit together.
        """
        if levels.ndim != 2 or levels.dtype != np.uint8 or low.shape != step.shape or levels.shape[1:] != low.shape:
            raise WeightsError("the index of seeds is damaged: run 'nobodies attributes fit' again")
        self._levels, self._low, self._step, self.attributes = levels, low, step, attributes

    def __len__(self) -> int:
        return len(self._levels)

    @classmethod
    def build(cls, attributes: AttributeModel, blocks: Iterable[Array]) -> "SeedIndex":
        """Make a table from the untruncated codes of the seeds from 0 on, [B, W] each block."""
        scores = np.concatenate([attributes.scores(w) for w in blocks])
        low, high = scores.min(0), scores.max(0)
        step = np.maximum(high - low, 1e-6) / _LEVELS
        levels = np.round((scores - low) / step).astype(np.uint8)
        return cls(levels, low.astype(np.float32), step.astype(np.float32), attributes.digest)

    def scores(self, centre: Float, psi: Float) -> Float:
        """Give the scores of all seeds in the table, truncated, as well as 8 bits hold them, [N, K].

        Args:
            centre: scores of the average face, [K].
            psi: truncation of each attribute, [K].
        """
        full = self._low.astype(np.float64) + self._levels * self._step.astype(np.float64)
        return centre + psi * (full - centre)

    def may_fit(self, seeds: range, low: Float, high: Float, centre: Float, psi: Float) -> NDArray[np.bool_]:
        """Tell which seeds cannot be ruled out.

        Args:
            seeds: within the table, [S].
            low: smallest scores wanted, [K].
            high: largest scores wanted, [K].
            centre: scores of the average face, [K].
            psi: truncation of each attribute, [K].

        Returns:
            [S].
        """
        wanted = np.flatnonzero(np.isfinite(low) | np.isfinite(high))
        levels = self._levels[seeds.start : seeds.stop, wanted]
        full = self._low[wanted] + levels * self._step[wanted]
        scores = centre[wanted] + psi[wanted] * (full - centre[wanted])
        # Half a level for the rounding, a little more for the arithmetic.
        slack = 0.51 * np.abs(psi[wanted]) * self._step[wanted] + 1e-4
        possible: NDArray[np.bool_] = np.all(
            (scores >= low[wanted] - slack) & (scores <= high[wanted] + slack), axis=1
        )
        return possible

    def to_bytes(self) -> bytes:
        """Write the table as a safetensors file."""
        arrays: Arrays = {"levels": self._levels, "low": self._low, "step": self._step}
        return pack(arrays, format=FORMAT, attributes=self.attributes)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SeedIndex":
        """Read a table.

        Raises:
            WeightsError: it is damaged, too large or something else.
        """
        try:
            if len(data) > _MOST_BYTES:
                raise ValueError(f"it is over {_MOST_BYTES} bytes")
            arrays, about = unpack(data, format=FORMAT)
            return cls(arrays["levels"], arrays["low"], arrays["step"], about["attributes"])
        except (ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"this is no index of seeds ({error}): run 'nobodies attributes fit' again") from error


@cache
def shipped_index(model: str) -> SeedIndex | None:
    """Give the table shipped for a generator, or None."""
    file = files("nobodies.latents") / "data" / f"{model}.index.safetensors"
    return SeedIndex.from_bytes(file.read_bytes()) if file.is_file() else None
