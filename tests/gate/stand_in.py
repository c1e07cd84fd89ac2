"""A gate that judges by the seed, and probes small enough to reason about."""

import numpy as np
from numpy.typing import NDArray

from nobodies.gate import Gate
from nobodies.gate.probes import CODE, EYES, WHOLE, Card, FaultProbes, Seen
from nobodies.generator import Face
from tests.conftest import tiny_model


def tiny_probes(**changed: NDArray[np.float32]) -> FaultProbes:
    """Each fault is one feature above 1. The first numbers of a code are its scores, below 1 twice as much less 1.

    Codes are refused above 1.4, but never for glasses, and pictures looked at above 0.4.
    """
    seen = {name: Seen(3, 0.9, 0.5) for name in (*WHOLE, *EYES)}
    first = np.eye(len(CODE), 8, dtype=np.float32)
    arrays = {
        "code_along": first,
        "code_hidden": -first,
        "code_hidden_bias": np.ones(len(CODE), np.float32),
        "code_out": -np.eye(len(CODE), dtype=np.float32),
        "code_out_bias": np.zeros(len(CODE), np.float32),
        "code_refused": np.array([1.4, 9.0, 1.4], np.float32),
        "code_doubt": np.full(len(CODE), 0.4, np.float32),
        "whole": np.eye(len(WHOLE), 8, dtype=np.float32),
        "whole_bias": np.full(len(WHOLE), -1.0, np.float32),
        "eyes": np.eye(len(EYES), 8, dtype=np.float32),
        "eyes_bias": np.full(len(EYES), -1.0, np.float32),
    }
    return FaultProbes(Card("tiny", tiny_model().fingerprint, 9, 6, seen), arrays | changed)


class SeedGate(Gate):
    """Finds a second face wherever the seed is divisible by a number."""

    def __init__(self, every: int = 3) -> None:
        super().__init__(tiny_probes())
        self.every = every
        self.looked_at: list[int | None] = []

    def faults(self, face: Face) -> tuple[str, ...]:
        self.looked_at.append(face.seed)
        return ("second_face",) if face.seed is not None and face.seed % self.every == 0 else ()
