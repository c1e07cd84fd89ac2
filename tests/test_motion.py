import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.errors import SettingError
from nobodies.generator import Generator
from nobodies.motion import Motion, morph, slide, swing
from nobodies.settings import FaceSettings
from tests.tiny_attributes import install


@pytest.mark.parametrize("through", ["w", "z", "curve"])
@pytest.mark.parametrize("loop", [True, False])
def test_a_way_passes_each_of_its_faces(generator: Generator, through: str, loop: bool) -> None:
    motion = Motion(4, through, loop=loop)  # type: ignore[arg-type]
    frames = list(morph(generator, [5, 6, 7], motion, FaceSettings(psi=0.8)))
    assert len(frames) == (12 if loop or through == "curve" else 9)
    for key, seed in enumerate([5, 6, 7]):
        assert frames[4 * key] == pytest.approx(generator.w(seed, psi=0.8), abs=1e-6)


def test_between_faces_the_way_is_between_them(generator: Generator) -> None:
    frames = list(morph(generator, [1, 2], Motion(2, pace="linear"), FaceSettings()))
    assert frames[1] == pytest.approx((generator.w(1) + generator.w(2)) / 2, abs=1e-6)


@pytest.mark.parametrize(("seeds", "frames"), [([1], 5), ([1, 2], 0), ([1, 2], 10**6), (list(range(2000)), 1)])
def test_ways_that_cannot_be_are_refused(generator: Generator, seeds: list[int], frames: int) -> None:
    with pytest.raises(SettingError):
        morph(generator, seeds, Motion(frames), FaceSettings())


def test_a_slide_sets_the_attribute_picture_by_picture(generator: Generator) -> None:
    install()
    codes = np.stack(list(slide(generator, generator.w(3), "age", [30, 40, 50], steps=False)))
    assert generator.attributes.predict(codes)["age"] == pytest.approx([30, 40, 50], abs=0.1)


def test_a_step_of_nothing_is_the_face_itself(generator: Generator) -> None:
    install()
    first, second = slide(generator, generator.w(3), "age", [0, 10], steps=True)
    assert np.array_equal(first, generator.w(3))
    assert not np.array_equal(second, first)
    with pytest.raises(SettingError, match="no attribute is called 'mood'"):
        slide(generator, generator.w(3), "mood", [0, 1], steps=True)


@given(st.floats(-50, 50), st.floats(-50, 50), st.integers(2, 60), st.booleans())
def test_a_swing_stays_between_its_ends(low: float, high: float, frames: int, loop: bool) -> None:
    values = swing(low, high, frames, loop=loop)
    assert len(values) == frames
    assert values[0] == pytest.approx(low)
    assert min(low, high) - 1e-9 <= min(values)
    assert max(values) <= max(low, high) + 1e-9
    if not loop:
        assert values[-1] == pytest.approx(high)
    elif frames % 2 == 0:
        assert values[frames // 2] == pytest.approx(high)


def test_a_swing_wants_two_pictures() -> None:
    with pytest.raises(SettingError):
        swing(0, 1, 1, loop=False)
