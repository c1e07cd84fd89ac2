"""Tell whether two faces show the same person.

The embedding is dlib's (a ResNet of 29 layers). Its usual threshold of 0.6 is meant for photographs of many people;
among generated faces, which are more alike, it would take one pair in twelve for the same person. The thresholds
here were measured on pairs of different generated people instead; docs/results.md says how.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nobodies.errors import SettingError, ShapeError
from nobodies.vision import nets
from nobodies.vision.crops import dlib_chip
from nobodies.vision.pictures import Pixels, check_pixels
from nobodies.vision.results import Landmarks

Array = npt.NDArray[Any]

NUM_DIMENSIONS: Final = 128
_PADDING: Final = 0.25
THRESHOLDS: Final = {0.0001: 0.307, 0.001: 0.397, 0.01: 0.503}
"""Distance below which two faces count as one person, by how often that takes two different people for one."""


def embed(pixels: Pixels, mesh: Landmarks) -> npt.NDArray[np.float32]:
    """Describe who a face shows.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        mesh: of the face.

    Returns:
        [128]; the Euclidean distance of two tells how alike the faces are.

    Raises:
        ShapeError: `pixels` is not such an array.
    """
    net = nets.shipped("identity")
    embedding: npt.NDArray[np.float32] = net(dlib_chip(check_pixels(pixels), mesh, net.size_px, padding=_PADDING))[
        "embedding"
    ][0]
    return embedding


def distance(a: Array, b: Array) -> float:
    """Euclidean distance of two embeddings, each [128].

    Raises:
        ShapeError: one of them is not an embedding.
    """
    for each in (a, b):
        if np.shape(each) != (NUM_DIMENSIONS,):
            raise ShapeError(f"an embedding has shape [{NUM_DIMENSIONS}], got {list(np.shape(each))}")
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))


def same_person(a: Array, b: Array, *, false_match_rate: float = 0.001) -> bool:
    """Whether two embeddings are of one person.

    Args:
        a: [128], from `embed`.
        b: [128].
        false_match_rate: how often two different generated people may be taken for one: 0.0001, 0.001 or 0.01.

    Raises:
        SettingError: no threshold was measured for that rate.
        ShapeError: one of them is not an embedding.
    """
    return distance(a, b) < threshold(false_match_rate)


def threshold(false_match_rate: float) -> float:
    """The distance below which two faces count as one person.

    Raises:
        SettingError: no threshold was measured for that rate.
    """
    if false_match_rate not in THRESHOLDS:
        rates = ", ".join(f"{rate:g}" for rate in sorted(THRESHOLDS))
        raise SettingError(f"false_match_rate is {false_match_rate}: thresholds were measured for {rates}")
    return THRESHOLDS[false_match_rate]
