"""The quality gate: faulty faces are turned away before a picture leaves.

It stands between drawing and marking wherever a face is chosen by chance or by wishes. Faces named by a seed, a text
or an address never pass it. A style code is screened before anything is drawn; then the drawn picture is looked at
where the code leaves doubt. What it catches and what it misses is in docs/results-quality.md.
"""

from collections import Counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.gate.probes import EYES, WHOLE, FaultProbes, shipped_probes
from nobodies.gate.seeing import ENOUGH_PX, EYES_BOX, age_of, features
from nobodies.generator import Face, Generator
from nobodies.models import Model, Store, Watcher

__all__ = ["Gate", "gate_of", "probes_of"]

MINOR: Final = "minor"
YOUNGEST: Final = 18.0
"""Faces that measure younger count as minors."""


class Gate:
    """Tells faces with visible faults, and those that look like minors, from the others. Threads may share it."""

    def __init__(self, probes: FaultProbes, *, adults_only: bool = True) -> None:
        """Take what it judges by; most users want `gate_of`.

        Args:
            probes: of faults.
            adults_only: turn away faces that look like minors too.
        """
        self.num_refused = 0
        """Drawn faces that were turned away."""
        self.refused: Counter[str] = Counter()
        """The same by what was seen; a face may count several times."""
        self._probes, self._adults_only = probes, adults_only

    def screen(self, w: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which style codes may be drawn; the others will very likely show a fault, or look like a minor.

        Args:
            w: truncated style codes, [N, W]; or [N, L, W], of which the mean over the layers is read.

        Returns:
            [N].
        """
        refused = self._probes.judge_codes(_mean_code(np.asarray(w))).refused
        passed: NDArray[np.bool_] = ~np.any(refused if self._adults_only else refused[:, :-1], axis=1)
        return passed

    def faults(self, face: Face) -> tuple[str, ...]:
        """Name the faults seen in a drawn face, and "minor" where it looks like one; nothing for a sound face.

        It is looked at where its style code leaves doubt.
        """
        any_fault, glasses, youth = self._probes.judge_codes(_mean_code(face.w[None])).doubtful[0]
        image = face.sized(min(face.size_px, ENOUGH_PX))
        found = self._seen("whole", WHOLE, features(image)) if any_fault else []
        if glasses:
            found += self._seen("eyes", EYES, features(image, EYES_BOX))
        if self._adults_only and youth and age_of(image) < YOUNGEST:
            found.append(MINOR)
        return tuple(found)

    def _seen(self, part: str, names: tuple[str, ...], described: NDArray[np.float32]) -> list[str]:
        scores = self._probes.scores(part, described[None])[0]
        return [name for name, score in zip(names, scores, strict=True) if score > 0]

    def accepts(self, face: Face) -> bool:
        """Tell whether a drawn face may leave."""
        found = self.faults(face)
        self.num_refused += bool(found)
        self.refused.update(found)
        return not found


def gate_of(generator: Generator, *, adults_only: bool = True, watcher: Watcher | None = None) -> Gate | None:
    """Give the gate for a generator's faces; None for a model that has none.

    The first time, the net that looks at pictures is fetched.

    Args:
        generator: whose faces.
        adults_only: turn away faces that look like minors too.
        watcher: told of licence and download; the log if None.

    Raises:
        ModelError: the net cannot be fetched.
    """
    probes = probes_of(generator.model, watcher)
    return None if probes is None else Gate(probes, adults_only=adults_only)


def probes_of(model: Model, watcher: Watcher | None = None) -> FaultProbes | None:
    """Give the probes for a model's faces, once the net they need is there; arguments and errors as for `gate_of`."""
    probes = shipped_probes(model.name, model.origin)
    if probes is not None:
        Store().load("efficientnet-lite0", watcher)
    return probes


def _mean_code(codes: NDArray[Any]) -> NDArray[Any]:
    return codes.mean(1) if codes.ndim == 3 else codes
