"""Find faces in a stream of frames, and say for every frame where they are, also where nobody looked or saw.

Frames wait a moment before they are handed on, so that a face which is lost and found again is known in between, and
one which appears is known shortly before. What hides faces depends on that.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError
from nobodies.vision.annotate import Box, grow
from nobodies.vision.detect import SMALLEST_SHARE
from nobodies.vision.results import Detection
from nobodies.vision.track import Tracker

Evidence = Literal["seen", "between", "held"]

WEAK_SCORE = 0.3
"""Detections from this score up continue a track; they do not begin one."""
WAITING_BYTES = 256 * 2**20
"""Bound on the frames that wait, counted as 8-bit YUV: 194 at 1280x720, 21 at 3840x2160."""
GROWTH_PER_S = 1.0
"""How far a face may have moved to each side, in its own sizes, for every second that it was not seen."""
MAX_GROWTH = 0.5
_LOOK_PX = 512  # side of what the detector is given for one look: twice what its net takes


class FaceFinder(Protocol):
    """What finds faces: `Detector`, or a stand-in."""

    def detect(
        self,
        pixels: NDArray[np.uint8],
        *,
        min_score: float = ...,
        min_size_px: float | None = ...,
        any_roll: bool = ...,
    ) -> list[Detection]:
        """Find faces in uint8 [H, W, 3] RGB."""


class Picture(Protocol):
    """One frame: `imaging.video.Frame`, or a stand-in."""

    @property
    def index(self) -> int:
        """Number of the frame, from 0."""

    @property
    def time_s(self) -> float:
        """When it is shown."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""

    def pixels(self, *, long_side_px: int | None = None) -> NDArray[np.uint8]:
        """RGB, uint8 [H, W, 3], scaled down to that longer side."""


P = TypeVar("P", bound=Picture)


@dataclass(frozen=True, slots=True)
class FollowedFace:
    """A face in one frame of a video."""

    track: int
    """The person's number, from 1, the same in all frames."""
    detection: Detection
    evidence: Evidence
    """Seen in this frame; between two frames in which it was seen; or held where it was last (or will be first) seen,
    in case it is still (or already) there."""
    gap_s: float = 0.0
    """Time to the nearest frame in which it was seen."""

    @property
    def reach(self) -> Box:
        """Where the face may be: its box, the larger the longer it has not been seen. For hiding it."""
        return grow(self.detection.box, min(GROWTH_PER_S * self.gap_s, MAX_GROWTH))

    def to_json(self) -> dict[str, Any]:
        """The same as numbers, lists and names."""
        return {"track": self.track, "evidence": self.evidence, **self.detection.to_json()}


def follow(
    frames: Iterable[P],
    finder: FaceFinder,
    *,
    every: int = 1,
    min_score: float = 0.5,
    min_size_px: float | None = None,
    look_ahead_s: float = 0.5,
    hold_s: float = 0.5,
) -> Iterator[tuple[P, tuple[FollowedFace, ...]]]:
    """Find faces and follow them through a video.

    Args:
        frames: in order of time.
        finder: looks at pictures, scaled down as far as `min_size_px` allows.
        every: look at every so many frames; in those between, faces move in straight lines.
        min_score: least score of a face when it first appears.
        min_size_px: width of the smallest face to look for; None means a twentieth of the longer side, which one
            run of the net finds. Smaller ones take several runs.
        look_ahead_s: how long a frame waits for what comes after it.
        hold_s: how long a face that is not seen any more is taken to be still there.

    Yields:
        Each frame and its faces, in order of track number.

    Raises:
        SettingError: an option is out of range.
    """
    if every < 1:
        raise SettingError(f"every is {every}: it must be at least 1")
    tracker = Tracker(start_score=min_score)
    waiting: WaitingRoom[P] = WaitingRoom(look_ahead_s=look_ahead_s, hold_s=hold_s)
    for frame in frames:
        seen: Sequence[tuple[int, Detection]] | None = None
        if frame.index % every == 0:
            found = look(frame, finder, min_score=min(WEAK_SCORE, min_score), min_size_px=min_size_px)
            seen = tracker.update(found, time_s=frame.time_s)
        yield from waiting.enter(frame, seen)
    yield from waiting.leave()


def look(frame: Picture, finder: FaceFinder, *, min_score: float, min_size_px: float | None) -> list[Detection]:
    """Find faces in a frame at the lowest resolution that shows the smallest of them.

    Faces may be turned by up to 90 degrees. A second look for faces upside down, which pictures get where nothing is
    found, would double the work for empty scenes.

    Returns:
        Faces in pixels of the full frame.
    """
    longer = max(frame.size)
    smallest = min_size_px or longer * SMALLEST_SHARE
    pixels = frame.pixels(long_side_px=ceil(_LOOK_PX * longer * SMALLEST_SHARE / smallest))
    scale = longer / max(pixels.shape[:2])
    found = finder.detect(pixels, min_score=min_score, min_size_px=smallest / scale, any_roll=False)
    return [_scaled(each, scale) for each in found]


@dataclass(slots=True)
class _Moment(Generic[P]):
    """A frame that waits, with what is known of its faces so far."""

    frame: P
    faces: dict[int, FollowedFace] = field(default_factory=dict)


class WaitingRoom(Generic[P]):
    """Holds frames back and fills in faces between the frames in which they were seen."""

    def __init__(self, *, look_ahead_s: float, hold_s: float) -> None:
        self._look_ahead_s = look_ahead_s
        self._hold_s = hold_s
        self._moments: deque[_Moment[P]] = deque()
        self._last: dict[int, tuple[float, Detection]] = {}  # when and where each face was last seen
        self._looked_s = -inf  # when a frame was last looked at

    def enter(
        self, frame: P, seen: Sequence[tuple[int, Detection]] | None
    ) -> Iterator[tuple[P, tuple[FollowedFace, ...]]]:
        """Take a frame in, with the tracks seen in it, and hand on those that have waited long enough.

        Args:
            frame: later than the last one.
            seen: None if nobody looked, which is not the same as nothing seen.
        """
        self._moments.append(_Moment(frame))
        if seen is not None:
            self._looked_s = frame.time_s
        for track, detection in seen or ():
            self._join(track, frame.time_s, detection)
        self._hold(frame.time_s)
        while self._full(frame.time_s):
            yield self._next()

    def leave(self) -> Iterator[tuple[P, tuple[FollowedFace, ...]]]:
        """Hand on what still waits."""
        while self._moments:
            yield self._next()

    def _join(self, track: int, time_s: float, detection: Detection) -> None:
        """Note a face as seen now, and draw a line to where it was before, or hold it backwards if it is new."""
        before = self._last.get(track)
        for moment in self._moments:
            at_s = moment.frame.time_s
            if at_s == time_s:
                face = FollowedFace(track, detection, "seen")
            elif before is None and time_s - at_s <= self._hold_s:
                face = FollowedFace(track, detection, "held", time_s - at_s)
            elif before is not None and before[0] < at_s:
                face = _between(track, before, (time_s, detection), at_s)
            else:
                continue
            moment.faces[track] = face
        self._last[track] = (time_s, detection)

    def _hold(self, time_s: float) -> None:
        """Keep faces that are not seen now where they were last seen: until somebody looks, and for a while after."""
        newest = self._moments[-1]
        for track, (seen_s, detection) in list(self._last.items()):
            missed, gap_s = self._looked_s > seen_s, time_s - seen_s
            if missed and gap_s > max(self._hold_s, self._look_ahead_s):
                del self._last[track]
            elif track not in newest.faces and (gap_s <= self._hold_s or not missed):
                newest.faces[track] = FollowedFace(track, detection, "held", gap_s)

    def _full(self, now_s: float) -> bool:
        oldest = self._moments[0].frame
        width, height = oldest.size
        waited = now_s - oldest.time_s > self._look_ahead_s and oldest.time_s <= self._looked_s
        return waited or len(self._moments) * width * height * 1.5 > WAITING_BYTES

    def _next(self) -> tuple[P, tuple[FollowedFace, ...]]:
        moment = self._moments.popleft()
        return moment.frame, tuple(moment.faces[track] for track in sorted(moment.faces))


def _between(
    track: int, before: tuple[float, Detection], after: tuple[float, Detection], at_s: float
) -> FollowedFace:
    """A face on the straight line between two sightings."""
    (start_s, start), (end_s, end) = before, after
    share = (at_s - start_s) / (end_s - start_s)
    places = (1 - share) * _places(start) + share * _places(end)
    detection = _placed(places, min(start.score, end.score))
    return FollowedFace(track, detection, "between", min(at_s - start_s, end_s - at_s))


def _scaled(detection: Detection, scale: float) -> Detection:
    return _placed(_places(detection) * scale, detection.score)


def _places(detection: Detection) -> NDArray[np.float64]:
    """Corners of the box and the six keypoints, [8, 2]."""
    return np.concatenate([np.reshape(detection.box, (2, 2)), np.array(detection.keypoints)])


def _placed(places: NDArray[np.float64], score: float) -> Detection:
    (x0, y0), (x1, y1), *points = ((x, y) for x, y in places.tolist())
    right_eye, left_eye, nose, mouth, right_ear, left_ear = points
    return Detection((x0, y0, x1, y1), score, (right_eye, left_eye, nose, mouth, right_ear, left_ear))
