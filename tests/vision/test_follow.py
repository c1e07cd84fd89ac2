from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.errors import SettingError
from nobodies.vision import follow as module
from nobodies.vision.follow import FollowedFace, follow, look
from tests.imaging.clips import squares
from tests.vision.stand_in import SquareFinder, face


@dataclass(frozen=True)
class Still:
    """A frame that shows one red square, further to the right each time."""

    index: int
    time_s: float
    step_px: int = 4
    width: int = 160

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.width * 3 // 4

    def pixels(self, *, long_side_px: int | None = None) -> NDArray[np.uint8]:
        return squares((10 + self.step_px * self.index, 30))


def stills(count: int, step_px: int = 4) -> Iterator[Still]:
    return (Still(index, index / 10, step_px) for index in range(count))


def test_every_frame_comes_out_once_and_in_order() -> None:
    for every in (1, 4, 7, 100):
        out = list(follow(stills(30), SquareFinder(), every=every))
        assert [frame.index for frame, _ in out] == list(range(30))
        assert all(len(faces) == 1 for _, faces in out)


def test_faces_move_in_straight_lines_between_looks() -> None:
    for frame, (found,) in list(follow(stills(29), SquareFinder(), every=4)):
        assert found.track == 1
        assert found.evidence == ("seen" if frame.index % 4 == 0 else "between")
        assert found.detection.box == pytest.approx((10 + 4 * frame.index, 30, 34 + 4 * frame.index, 54))
        assert found.detection.keypoints == pytest.approx(np.array(face(*found.detection.box).keypoints), abs=1e-6)
        assert found.gap_s == pytest.approx(min(frame.index % 4, -frame.index % 4) / 10)


def test_a_face_lost_and_found_within_the_look_ahead_was_there_in_between() -> None:
    out = {
        frame.index: faces for frame, faces in follow(stills(20), SquareFinder(blind=[8, 9, 10]), look_ahead_s=0.5)
    }
    assert [out[index][0].evidence for index in range(6, 13)] == ["seen"] * 2 + ["between"] * 3 + ["seen"] * 2
    assert out[9][0].detection.box == pytest.approx((46, 30, 70, 54))


def test_a_face_is_held_after_it_was_seen_last_and_before_it_was_seen_first() -> None:
    blind = [*range(8), *range(14, 40)]
    out = [faces for _, faces in follow(stills(40), SquareFinder(blind=blind), look_ahead_s=0.45, hold_s=0.35)]
    evidence = [faces[0].evidence if faces else None for faces in out]
    assert evidence == [None] * 5 + ["held"] * 3 + ["seen"] * 6 + ["held"] * 3 + [None] * 23
    assert out[5][0].detection == out[8][0].detection
    assert out[16][0].detection == out[13][0].detection


def test_what_was_handed_on_before_a_face_came_back_was_held() -> None:
    # Gone for longer than frames wait, and shorter than faces are held: no frame is without it.
    out = [
        faces for _, faces in follow(stills(30), SquareFinder(blind=range(10, 16)), look_ahead_s=0.25, hold_s=0.95)
    ]
    assert all(faces for faces in out)
    assert {faces[0].track for faces in out} == {1}
    assert [faces[0].evidence for faces in out[10:16]] == ["held"] * 3 + ["between"] * 3


def test_reach_grows_with_the_time_not_seen() -> None:
    reach = [FollowedFace(1, face(0, 0, 10, 10), "held", gap_s).reach for gap_s in (0.0, 0.2, 0.4, 5.0, 9.0)]
    assert reach[0] == (0, 0, 10, 10)
    assert reach[1] == pytest.approx((-2, -2, 12, 12))
    assert reach[2] == pytest.approx((-4, -4, 14, 14))
    assert reach[3] == reach[4]


def test_frames_wait_no_longer_than_they_must() -> None:
    taken = []

    def counted() -> Iterator[Still]:
        for frame in stills(100):
            taken.append(frame.index)
            yield frame

    for frame, _ in follow(counted(), SquareFinder(), look_ahead_s=0.5):
        assert taken[-1] - frame.index <= 6


def test_memory_is_bounded_however_far_apart_the_looks_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_BYTES", 10 * 160 * 120 * 1.5)
    taken = []

    def counted() -> Iterator[Still]:
        for frame in stills(300, step_px=0):
            taken.append(frame.index)
            yield frame

    out = []
    for frame, faces in follow(counted(), SquareFinder(), every=100, look_ahead_s=60):
        assert taken[-1] - frame.index <= 10
        out.append(faces)
    assert len(out) == 300
    assert all(out)  # held until the next look


def test_only_every_so_many_frames_are_looked_at() -> None:
    finder = SquareFinder()
    list(follow(stills(30), finder, every=7))
    assert len(finder.sizes) == 5
    with pytest.raises(SettingError, match="every is 0"):
        list(follow(stills(3), finder, every=0))


@dataclass(frozen=True)
class Recording:
    """A large frame that notes at which size it was asked for."""

    index: int
    time_s: float
    asked: list[int | None]
    size: tuple[int, int] = (1280, 720)

    def pixels(self, *, long_side_px: int | None = None) -> NDArray[np.uint8]:
        self.asked.append(long_side_px)
        scale = min(1.0, (long_side_px or 1280) / 1280)
        return squares((20, 10), width=round(1280 * scale), height=round(720 * scale))


@pytest.mark.parametrize(("min_size_px", "side"), [(None, 512), (64, 512), (32, 1024), (16, 2048), (128, 256)])
def test_frames_are_looked_at_no_larger_than_needed(min_size_px: float | None, side: int) -> None:
    frame = Recording(0, 0.0, [])
    (found,) = look(frame, SquareFinder(), min_score=0.5, min_size_px=min_size_px)
    assert frame.asked == [side]
    scale = 1280 / min(side, 1280)
    assert found.box == pytest.approx((20 * scale, 10 * scale, 44 * scale, 34 * scale))


def test_as_json() -> None:
    record = FollowedFace(7, face(0, 0, 10, 10), "between", 0.1).to_json()
    assert (record["track"], record["evidence"], record["box"]) == (7, "between", [0, 0, 10, 10])
