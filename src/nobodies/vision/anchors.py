"""From BlazeFace's raw numbers to faces: anchors, decoding, suppression.

Source: BlazeFace, arXiv:1907.05047.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

INPUT_PX = 256
OVERLAP = 0.3
"""Boxes that share more than this of their union are one face."""
CONTAINED = 0.6
"""Boxes of two looks of which one lies inside the other by more than this are one face."""

_GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell


@cache
def anchor_centres() -> Array:
    """Centres of the 896 anchors, [896, 2] as (x, y) in 0..1 of the input."""
    return np.concatenate([_grid(cells, repeats) for cells, repeats in _GRIDS])


def _grid(cells: int, repeats: int) -> Array:
    y, x = np.divmod(np.arange(cells * cells), cells)
    centres = (np.stack([x, y], axis=1) + 0.5) / cells
    return np.repeat(centres, repeats, axis=0).astype(np.float32)


def decode(boxes: Array, logits: Array, *, min_score: float) -> tuple[Array, Array]:
    """Faces of one look, before suppression.

    Args:
        boxes: raw regressions [896, 16]: centre, size and six points, in input pixels from the anchor.
        logits: [896].
        min_score: leave out what scores less, in (0, 1).

    Returns:
        Corners and points [K, 8, 2] in 0..1 of the input (two corners, then six points), and scores [K].
    """
    chosen = np.flatnonzero(logits >= np.log(min_score / (1 - min_score)))
    raw = boxes[chosen].reshape(-1, 8, 2) / INPUT_PX
    centre = raw[:, 0] + anchor_centres()[chosen]
    half = raw[:, 1] / 2
    points = raw[:, 2:] + anchor_centres()[chosen][:, None]
    scores = 1 / (1 + np.exp(-np.clip(logits[chosen], -80, 80)))
    return np.concatenate([np.stack([centre - half, centre + half], axis=1), points], axis=1), scores


def blend(faces: Array, scores: Array) -> tuple[Array, Array]:
    """Merge overlapping answers about one face into their mean, weighted by score.

    Averaging instead of picking is what keeps the boxes from trembling in video.

    Args:
        faces: [K, 8, 2].
        scores: [K].

    Returns:
        [M, 8, 2] and the highest score of each group [M], best first.
    """
    kept: list[Array] = []
    best: list[float] = []
    left = np.argsort(-scores, kind="stable")
    while left.size:
        shared, _ = _shares(faces[left[0]], faces[left])
        group = shared > OVERLAP
        group[0] = True  # a box without area overlaps nothing, not even itself
        weights = scores[left[group]]
        kept.append(np.tensordot(weights / weights.sum(), faces[left[group]], axes=1))
        best.append(float(scores[left[0]]))
        left = left[~group]
    return np.array(kept).reshape(-1, 8, 2), np.array(best)


def distinct(faces: Array, scores: Array) -> list[int]:
    """Which faces to keep when several looks saw the same one: the best-scored of each, best first.

    Args:
        faces: [K, 8, 2].
        scores: [K], in any unit that orders them.
    """
    kept: list[int] = []
    left = np.argsort(-scores, kind="stable")
    while left.size:
        kept.append(int(left[0]))
        of_union, of_smaller = _shares(faces[left[0]], faces[left])
        same = (of_union > OVERLAP) | (of_smaller > CONTAINED)
        same[0] = True
        left = left[~same]
    return kept


def _shares(face: Array, faces: Array) -> tuple[Array, Array]:
    """Area shared by one box and each of many, as parts of their union and of the smaller of the two; [K] each."""
    low = np.maximum(face[0], faces[:, 0])
    high = np.minimum(face[1], faces[:, 1])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    area, areas = np.prod(face[1] - face[0]), np.prod(faces[:, 1] - faces[:, 0], axis=1)
    tiny = np.finfo(np.float32).tiny
    return shared / np.maximum(area + areas - shared, tiny), shared / np.maximum(np.minimum(area, areas), tiny)
