import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.latents.balance import (
    AGE_EDGES,
    NUM_GROUPS,
    SKIN_EDGES,
    Balance,
    group_names,
    group_numbers,
    groups_of,
)
from tests.latents.attribute_worlds import fitted, style_codes


def measured(count: int = 20_000) -> tuple[Balance, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    scores = fitted().scores(style_codes(count, seed=3))
    return Balance.measure(fitted(), scores), scores


def test_what_is_kept_is_spread_evenly_over_all_groups_that_are_not_rare() -> None:
    balance, _ = measured()
    fresh = fitted().scores(style_codes(60_000, seed=4))
    kept = balance.keeps(range(60_000), fresh)
    counts = np.bincount(groups_of(fitted(), fresh[kept]), minlength=NUM_GROUPS)
    common = balance.shares >= 1e-3
    expected = counts[common].mean()
    assert common.sum() >= 12
    assert (np.abs(counts[common] - expected) < 5 * np.sqrt(expected) + 0.2 * expected).all()
    np.testing.assert_allclose(kept.mean(), balance.kept_share, rtol=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_whether_a_face_is_kept_depends_on_nothing_but_itself(seed: int) -> None:
    balance, scores = measured(2000)
    together = balance.keeps(range(400), scores[:400])
    order = np.random.default_rng(seed).permutation(400)[:100]
    shuffled = balance.keeps(order.tolist(), scores[order])
    np.testing.assert_array_equal(shuffled, together[order])


def test_rare_groups_are_kept_whole_and_hold_nobody_back() -> None:
    attributes = fitted()
    scores = attributes.scores(style_codes(4000, seed=5))
    scores[:, attributes.index("age")] = 35
    scores[0, attributes.index("age")] = 80
    balance = Balance.measure(attributes, scores)
    assert balance.chances[groups_of(attributes, scores[:1])] == 1
    assert balance.kept_share > 0.01


def test_no_faces_to_measure_keep_every_face() -> None:
    balance = Balance.measure(fitted(), np.empty((0, len(fitted().names))))
    assert (balance.chances == 1).all()


@given(age=st.floats(0, 100), woman=st.booleans(), skin=st.floats(0, 100))
def test_every_face_has_the_group_that_its_name_says(age: float, woman: bool, skin: float) -> None:
    number = int(group_numbers(np.array([age]), np.array([woman]), np.array([skin]))[0])
    ages, who, tone = group_names()[number].split(", ")
    assert who == ("woman" if woman else "man")
    assert tone == ("darker" if skin < SKIN_EDGES[0] else "medium" if skin < SKIN_EDGES[1] else "lighter")
    assert (ages == "under 30") == (age < AGE_EDGES[0])
    assert (ages == "60 and over") == (age >= AGE_EDGES[-1])
    assert len(group_names()) == NUM_GROUPS == len(set(group_names()))
