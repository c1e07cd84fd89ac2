"""A detector that finds squares of full colour, as fast as they can be counted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nobodies.vision.results import Detection


def face(x0: float, y0: float, x1: float, y1: float, score: float = 0.9) -> Detection:
    """A detection whose keypoints lie where they do in a face."""
    width, height = x1 - x0, y1 - y0
    right_eye, left_eye, nose, mouth, right_ear, left_ear = (
        (x0 + x * width, y0 + y * height)
        for x, y in ((0.3, 0.35), (0.7, 0.35), (0.5, 0.6), (0.5, 0.8), (0.05, 0.45), (0.95, 0.45))
    )
    return Detection((x0, y0, x1, y1), score, (right_eye, left_eye, nose, mouth, right_ear, left_ear))


class SquareFinder:
    """Finds one red and one green square, each as one face."""

    def __init__(self, *, blind: Sequence[int] = ()) -> None:
        self.blind = set(blind)
        """Calls, counted from 0, in which nothing is seen."""
        self.sizes: list[tuple[int, int]] = []
        """Width and height of what was looked at."""

    def detect(
        self,
        pixels: NDArray[np.uint8],
        *,
        min_score: float = 0.5,
        min_size_px: float | None = None,
        any_roll: bool = True,
    ) -> list[Detection]:
        call = len(self.sizes)
        self.sizes.append((pixels.shape[1], pixels.shape[0]))
        if call in self.blind:
            return []
        found = []
        for channel in (0, 1):
            others = np.delete(pixels, channel, axis=2).max(axis=2)
            rows, columns = np.nonzero((pixels[..., channel] > 150) & (others < 100))
            if len(rows) >= 9:
                found.append(face(*map(float, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))))
        return found
