"""From a picture to the embedding of the person it shows."""

import numpy as np
from numpy.typing import NDArray

from nobodies.vision.detect import Detector
from nobodies.vision.identity import NUM_DIMENSIONS, embed
from nobodies.vision.landmarks import find_landmarks

Embedding = NDArray[np.float32]

_SMALLEST_SHARE = 1 / 6
"""Width of the smallest face that counts as what a picture shows, as a share of its shorter side."""


def embedding_of(pixels: NDArray[np.uint8]) -> Embedding | None:
    """Describe who the largest face of a picture shows.

    Args:
        pixels: [H, W, 3], RGB.

    Returns:
        [128], or None where no face is found.
    """
    faces = Detector.load().detect(pixels, min_size_px=min(pixels.shape[:2]) * _SMALLEST_SHARE)
    return embed(pixels, find_landmarks(pixels, faces[0])) if faces else None


def no_embedding() -> Embedding:
    """What stands for a picture without a face in an array of embeddings: not-a-number, [128]."""
    return np.full(NUM_DIMENSIONS, np.nan, np.float32)
