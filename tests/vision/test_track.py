import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.vision.track import Motion, Tracker, _Track, best_pairs, grown, overlap
from tests.vision.stand_in import face


def numbers(found: Sequence[tuple[int, object]]) -> list[int]:
    return [number for number, _ in found]


def test_two_people_keep_their_numbers_while_they_cross_at_different_heights() -> None:
    tracker = Tracker()
    for frame in range(60):
        x = 10 * frame
        detections = [face(x, 0, x + 80, 80), face(600 - x, 60, 680 - x, 140)]
        if frame % 2:
            detections.reverse()
        expected = [1, 2] if frame % 2 == 0 else [2, 1]
        assert numbers(tracker.update(detections, time_s=frame / 30)) == expected


def test_people_who_pass_each_other_are_told_apart_by_their_movement() -> None:
    # Their boxes cover one another for a moment: only where each was heading tells who is who.
    tracker = Tracker()
    for frame in range(61):
        x = 8 * frame
        found = tracker.update([face(x, 0, x + 60, 60), face(480 - x, 12, 540 - x, 72)], time_s=frame / 30)
        assert numbers(found) == [1, 2]


def test_a_short_absence_keeps_the_number_and_a_long_one_does_not() -> None:
    tracker = Tracker(max_gap_s=1.0)
    tracker.update([face(100, 100, 150, 150)], time_s=0)
    for index in range(1, 9):
        assert tracker.update([], time_s=index / 10) == []
    assert numbers(tracker.update([face(105, 100, 155, 150)], time_s=0.9)) == [1]
    for index in range(1, 13):
        tracker.update([], time_s=0.9 + index / 10)
    assert numbers(tracker.update([face(105, 100, 155, 150)], time_s=2.2)) == [2]


def test_a_track_lives_till_the_next_update_however_late() -> None:
    tracker = Tracker(max_gap_s=1.0)
    for time_s in range(0, 50, 5):
        assert numbers(tracker.update([face(100, 100, 150, 150)], time_s=time_s)) == [1]


def test_a_face_that_moves_faster_than_its_size_is_followed() -> None:
    # From the third frame on it jumps by more than its width: plain overlap with the last box is nought.
    tracker = Tracker()
    places = list(itertools.accumulate([0, 20, 45, 60, 70, 75, 75, 75]))
    for index, x in enumerate(places):
        assert numbers(tracker.update([face(x, 0, x + 50, 50)], time_s=index / 10)) == [1]


def test_weak_detections_continue_tracks_and_begin_none() -> None:
    tracker = Tracker(start_score=0.5)
    assert tracker.update([face(0, 0, 50, 50, score=0.4)], time_s=0) == []
    assert numbers(tracker.update([face(0, 0, 50, 50, score=0.6)], time_s=0.1)) == [1]
    assert numbers(tracker.update([face(2, 0, 52, 50, score=0.4)], time_s=0.2)) == [1]


def test_a_sure_detection_goes_before_a_weak_one_that_fits_better() -> None:
    tracker = Tracker(start_score=0.5)
    tracker.update([face(0, 0, 50, 50)], time_s=0)
    found = tracker.update([face(1, 0, 51, 50, score=0.4), face(6, 0, 56, 50, score=0.9)], time_s=0.1)
    assert [(number, each.score) for number, each in found] == [(1, 0.9)]


def test_the_filter_agrees_with_one_in_matrices() -> None:
    # The usual Kalman filter on all eight numbers at once, in units of the face.
    motion, dt = Motion(), 0.1
    boxes = np.array([[10 + 7 * i + i % 3, 20 - 2 * i, 60 + 7 * i, 70 - i] for i in range(8)], float)
    centred = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    eye, none = np.eye(4), np.zeros((4, 4))
    step = np.block([[eye, dt * eye], [none, eye]])
    drift = np.concatenate([dt**2 / 2 * eye, dt * eye]) * motion.acceleration
    state, covariance = (
        np.concatenate([centred[0], np.zeros(4)]),
        np.diag([motion.jitter**2] * 4 + [motion.speed**2] * 4),
    )
    see = np.concatenate([eye, none], axis=1)
    track = _Track(1, boxes[0], 0.0, motion)
    for index in range(1, len(boxes)):
        state, covariance = step @ state, step @ covariance @ step.T + drift @ drift.T
        track.predict(index * dt)
        np.testing.assert_allclose(track.box[:2] + track.box[2:], 2 * state[:2])
        gain = covariance @ see.T @ np.linalg.inv(see @ covariance @ see.T + motion.jitter**2 * eye)
        state, covariance = state + gain @ (centred[index] - see @ state), (np.eye(8) - gain @ see) @ covariance
        track.correct(boxes[index])
    np.testing.assert_allclose(track.box[2:] - track.box[:2], state[2:4])


boxes = st.tuples(*[st.floats(0, 100)] * 4).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])


@given(st.lists(boxes, min_size=1, max_size=5), st.lists(boxes, min_size=1, max_size=5))
def test_overlap_is_a_share_and_the_same_both_ways(first: list[list[float]], second: list[list[float]]) -> None:
    a, b = np.array(first), np.array(second)
    shares = overlap(a, b)
    assert shares.shape == (len(a), len(b))
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()
    np.testing.assert_allclose(shares, overlap(b, a).T)


def test_overlap_by_hand() -> None:
    a = np.array([[0.0, 0, 10, 10]])
    b = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]])
    np.testing.assert_allclose(overlap(a, b), [[1, 1 / 3, 0, 0]])
    np.testing.assert_allclose(grown(a, 0.5), [[-5, -5, 15, 15]])


def test_the_best_pairs_come_first_and_nobody_twice() -> None:
    shares = np.array([[0.9, 0.8, 0.0], [0.85, 0.2, 0.0], [0.1, 0.1, 0.1]])
    assert best_pairs(shares, 0.3) == [(0, 0)]
    assert best_pairs(shares, 0.15) == [(0, 0), (1, 1)]
    assert best_pairs(shares, 0.0) == [(0, 0), (1, 1), (2, 2)]
    assert best_pairs(shares, 0.95) == []


@pytest.mark.parametrize("every", [1, 3, 10])
def test_numbers_hold_at_any_interval_between_looks(every: int) -> None:
    tracker = Tracker()
    for frame in range(0, 120, every):
        x, y = 300 + 200 * np.sin(frame / 30), 200 + 100 * np.cos(frame / 20)
        assert numbers(tracker.update([face(x, y, x + 90, y + 90)], time_s=frame / 30)) == [1]
