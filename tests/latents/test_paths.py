import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.errors import SettingError, ShapeError
from nobodies.latents.paths import along_arcs, along_curve, along_lines, frame_times, slerp


def keys(count: int = 4, width: int = 16) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)


@given(st.integers(2, 9), st.integers(1, 30), st.booleans(), st.sampled_from(["linear", "eased"]))
def test_times_pass_every_face_in_order(num_keys: int, frames: int, loop: bool, pace: str) -> None:
    times = frame_times(num_keys, frames, loop=loop, pace=pace)  # type: ignore[arg-type]
    assert len(times) == (num_keys if loop else num_keys - 1) * frames + (not loop)
    assert (np.diff(times) > 0).all()
    assert times[::frames] == pytest.approx(np.arange(num_keys))


def test_an_eased_pace_starts_slowly() -> None:
    assert frame_times(2, 10)[1] < 0.5 * frame_times(2, 10, pace="linear")[1]


def test_too_short_a_way_is_refused() -> None:
    for arguments in ((1, 5), (2, 0)):
        with pytest.raises(SettingError):
            frame_times(*arguments)


def test_an_arc_keeps_between_lengths_and_turns_evenly() -> None:
    a, b = keys(2, 64)
    between = [slerp(a, b, share) for share in np.linspace(0, 1, 9)]
    lengths = np.linalg.norm(between, axis=1)
    assert lengths == pytest.approx(np.linspace(np.linalg.norm(a), np.linalg.norm(b), 9), rel=1e-5)
    unit = np.array(between) / lengths[:, None]
    angles = np.arccos(np.clip((unit[:-1] * unit[1:]).sum(1), -1, 1))
    assert angles == pytest.approx(np.full(8, angles.mean()), rel=1e-3)


def test_an_arc_between_codes_that_point_alike_or_away_is_finite() -> None:
    a = keys(1)[0]
    for b in (a, 2 * a, -a, np.zeros_like(a)):
        assert np.isfinite(slerp(a, b, 0.3)).all()


@pytest.mark.parametrize("along", [along_arcs, along_lines, along_curve])
def test_every_way_passes_each_face_and_comes_round(along: type) -> None:
    points = keys()
    passed = along(points, np.arange(9.0))
    assert passed == pytest.approx(points[np.arange(9) % 4], abs=1e-5)


def test_a_line_passes_each_face_to_the_last_bit() -> None:
    assert np.array_equal(along_lines(keys(), np.arange(4.0)), keys())


def test_a_curve_has_no_corners() -> None:
    times = np.arange(0, 4, 1e-3)
    steps = np.diff(along_curve(keys().astype(np.float64), times), axis=0)
    assert np.linalg.norm(np.diff(steps, axis=0), axis=1).max() < 0.01 * np.linalg.norm(steps, axis=1).max() + 1e-4


def test_a_way_wants_two_faces() -> None:
    with pytest.raises(ShapeError):
        along_lines(keys(1), np.zeros(1))
