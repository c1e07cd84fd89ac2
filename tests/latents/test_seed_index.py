import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.seed_index import SeedIndex
from nobodies.latents.wishes import Range, Wishes, parse_wishes
from tests.latents.attribute_worlds import fitted, style_codes

CODES = style_codes(500, 31).astype(np.float32)
AVERAGE = np.full(CODES.shape[1], 0.5, np.float32)


def every(psi: float) -> NDArray[np.float64]:
    return np.full(len(fitted().names), psi)


@pytest.fixture(scope="module")
def model() -> AttributeModel:
    return fitted()


@pytest.fixture(scope="module")
def index(model: AttributeModel) -> SeedIndex:
    return SeedIndex.build(model, [CODES[:200], CODES[200:]])


@settings(deadline=None)
@given(st.floats(-1.5, 1.5), st.integers(10, 60), st.integers(1, 30), st.booleans() | st.none())
def test_no_seed_that_fits_is_passed_over(psi: float, age: int, years: int, smile: bool | None) -> None:
    model = fitted()
    index = SeedIndex.build(model, [CODES])
    wished = Wishes(age=Range(age, age + years), smile=smile, adults_only=False)
    fitting = wished.screen(model, AVERAGE + np.float32(psi) * (CODES - AVERAGE))
    possible = index.may_fit(range(500), *wished.score_bounds(model), model.scores(AVERAGE[None])[0], every(psi))
    assert not (fitting & ~possible).any()


def test_hardly_a_seed_is_let_pass_in_vain(model: AttributeModel, index: SeedIndex) -> None:
    wished = parse_wishes("age 30..40, woman")
    fitting = wished.screen(model, CODES)
    possible = index.may_fit(range(500), *wished.score_bounds(model), model.scores(AVERAGE[None])[0], every(1.0))
    assert 0 < fitting.sum() <= possible.sum() <= 1.3 * fitting.sum() + 3


def test_what_is_written_reads_back(index: SeedIndex) -> None:
    again = SeedIndex.from_bytes(index.to_bytes())
    assert len(again) == 500
    assert again.attributes == index.attributes
    assert again.to_bytes() == index.to_bytes()


def test_damage_is_noticed(index: SeedIndex) -> None:
    data = index.to_bytes()
    for damaged in (b"", data[:50], data[:-3], b"\xff" * 100):
        with pytest.raises(WeightsError, match="no index of seeds"):
            SeedIndex.from_bytes(damaged)
    with pytest.raises(WeightsError, match="damaged"):
        SeedIndex(np.zeros((5, 3), np.uint8), np.zeros(2, np.float32), np.zeros(2, np.float32), "")
