"""Faces told apart without a net: the embedding is a random direction fixed by the picture."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.uniqueness.neighbours import Rows


def fingerprint_embedding(pixels: NDArray[np.uint8]) -> Rows | None:
    if pixels.max() < 8:
        return None  # a black picture shows nobody
    seed = int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:8])
    row = np.random.default_rng(seed).standard_normal(128).astype(np.float32)
    row /= np.linalg.norm(row)
    return row


@pytest.fixture
def fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("audit", "gallery", "guard"):
        monkeypatch.setattr(f"nobodies.uniqueness.{module}.embedding_of", fingerprint_embedding)
    monkeypatch.setattr("nobodies.cli.block.embedding_of", fingerprint_embedding)
