"""Keep one person one number from frame to frame.

Why not a library: those that are kept up (norfair, supervision, trackers) bring scipy and one of matplotlib, OpenCV
or rich with them for what is a page of arithmetic here; the light ones have not seen a release in years.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import inf

import numpy as np
from numpy.typing import NDArray

from nobodies.vision.results import Detection

Array = NDArray[np.float64]
Boxes = NDArray[np.float64]
"""Left, top, right, bottom, [N, 4]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How faces move in a video. Lengths are in sizes of the face, so they hold at any distance and resolution."""

    jitter: float = 0.05
    """Standard deviation of a detected edge around the true one."""
    speed: float = 2.0
    """Standard deviation of a new face's speed, in sizes a second."""
    acceleration: float = 10.0
    """Standard deviation of the change of speed, in sizes a second squared."""


class _Track:
    """Where one face is and how it moves: a Kalman filter of constant velocity on centre, width and height.

    All four coordinates are measured at the same times with the same noise, so they share one covariance.
    """

    def __init__(self, number: int, box: Array, time_s: float, motion: Motion) -> None:
        self.number = number
        self.last_seen_s = time_s
        self._time_s = time_s
        self._motion = motion
        self._place = _centred(box)  # [4], pixels
        self._velocity = np.zeros(4)  # pixels a second
        self._covariance = np.diag([motion.jitter**2, motion.speed**2])  # of place and velocity, in sizes

    @property
    def box(self) -> Array:
        """Where the face is expected, [4]."""
        (x, y), (width, height) = self._place[:2], np.maximum(self._place[2:], 1.0)
        return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])

    def predict(self, time_s: float) -> None:
        dt = time_s - self._time_s
        step = np.array([[1.0, dt], [0.0, 1.0]])
        drift = np.array([dt**2 / 2, dt]) * self._motion.acceleration
        self._place = self._place + dt * self._velocity
        self._covariance = step @ self._covariance @ step.T + np.outer(drift, drift)
        self._time_s = time_s

    def correct(self, box: Array) -> None:
        surprise = _centred(box) - self._place
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + self._motion.jitter**2)
        self._place = self._place + gain[0] * surprise
        self._velocity = self._velocity + gain[1] * surprise
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        self.last_seen_s = self._time_s


class Tracker:
    """Gives detections the number of the person they belong to.

    A face is expected where constant velocity takes it, and belongs to the track whose expected box it overlaps most.
    Sure detections choose first; then what is left is matched again with boxes grown on all sides, which catches fast
    movement and detections too weak to stand on their own. Only a sure detection begins a track.

    Pairs are taken best first. SORT's assignment of least total cost differs from that only where several faces
    overlap several tracks at once, which two faces in one picture seldom do.

    Sources: SORT, arXiv:1602.00763 (filter and overlap); ByteTrack, arXiv:2110.06864 (weak detections second);
    buffered overlap, arXiv:2211.14317.
    """

    def __init__(
        self,
        *,
        start_score: float = 0.5,
        min_overlap: float = 0.3,
        growth: float = 0.5,
        min_grown_overlap: float = 0.1,
        max_gap_s: float = 1.0,
        motion: Motion | None = None,
    ) -> None:
        """Begin without any track.

        Args:
            start_score: least score of a detection that may begin a track.
            min_overlap: least intersection over union that ties a detection to a track.
            growth: how far boxes grow on each side for the second matching, in parts of their size.
            min_grown_overlap: least intersection over union there.
            max_gap_s: a face that is not seen for longer is forgotten and gets a new number when it comes back.
            motion: how faces move.
        """
        self._start_score = start_score
        self._min_overlap = min_overlap
        self._growth = growth
        self._min_grown_overlap = min_grown_overlap
        self._max_gap_s = max_gap_s
        self._motion = motion or Motion()
        self._tracks: list[_Track] = []
        self._numbers = count(1)
        self._updated_s = -inf

    def update(self, detections: Sequence[Detection], *, time_s: float) -> list[tuple[int, Detection]]:
        """Take in what was found at one moment.

        Args:
            detections: faces found, in any order.
            time_s: when; not before the last update.

        Returns:
            Track number and detection, for every detection that belongs to a track or begins one.
        """
        # However far apart the updates are, a track lives at least until the next.
        oldest_s = min(time_s - self._max_gap_s, self._updated_s)
        self._tracks = [each for each in self._tracks if each.last_seen_s >= oldest_s]
        self._updated_s = time_s
        for track in self._tracks:
            track.predict(time_s)
        matched = self._match(detections)
        for index, detection in enumerate(detections):
            box = np.array(detection.box)
            if index in matched:
                matched[index].correct(box)
            elif detection.score >= self._start_score:
                matched[index] = _Track(next(self._numbers), box, time_s, self._motion)
                self._tracks.append(matched[index])
        return [(matched[index].number, detections[index]) for index in sorted(matched)]

    def _match(self, detections: Sequence[Detection]) -> dict[int, _Track]:
        """Track of each detection that has one, by the detection's index."""
        sure = [i for i, each in enumerate(detections) if each.score >= self._start_score]
        matched = _pair(detections, sure, self._tracks, growth=0.0, minimum=self._min_overlap)
        left = [i for i in range(len(detections)) if i not in matched]
        free = [each for each in self._tracks if each not in matched.values()]
        return matched | _pair(detections, left, free, growth=self._growth, minimum=self._min_grown_overlap)


def _pair(
    detections: Sequence[Detection],
    chosen: Sequence[int],
    tracks: Sequence[_Track],
    *,
    growth: float,
    minimum: float,
) -> dict[int, _Track]:
    """Pair detections, by their indices in `chosen`, with tracks whose grown boxes overlap by the minimum."""
    if not chosen or not tracks:
        return {}
    found = np.array([detections[i].box for i in chosen])
    expected = np.array([each.box for each in tracks])
    overlaps = overlap(grown(found, growth), grown(expected, growth))
    return {chosen[row]: tracks[column] for row, column in best_pairs(overlaps, minimum)}


def overlap(a: Boxes, b: Boxes) -> Array:
    """Intersection over union of every box in `a`, [N, 4], with every box in `b`, [M, 4]: [N, M]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])  # [N, M, 2]
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    width, height = np.moveaxis(np.maximum(high - low, 0.0), -1, 0)
    shared = width * height
    areas = _areas(a)[:, None] + _areas(b)[None] - shared
    ious: Array = np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)
    return ious


def grown(boxes: Boxes, growth: float) -> Boxes:
    """Boxes [N, 4] moved outward on each side by `growth` times their width and height."""
    margin = (boxes[:, 2:] - boxes[:, :2]) * growth
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def best_pairs(overlaps: Array, minimum: float) -> list[tuple[int, int]]:
    """Pair rows with columns of [N, M], best first, each at most once, as long as they overlap by `minimum`."""
    pairs: list[tuple[int, int]] = []
    for index in np.argsort(-overlaps, axis=None, kind="stable"):
        row, column = divmod(int(index), overlaps.shape[1])
        if overlaps[row, column] < minimum:
            break
        if all(row != r and column != c for r, c in pairs):
            pairs.append((row, column))
    return pairs


def _areas(boxes: Boxes) -> Array:
    width, height = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0).T
    area: Array = width * height
    return area


def _centred(box: Array) -> Array:
    """Centre x and y, width, height."""
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
