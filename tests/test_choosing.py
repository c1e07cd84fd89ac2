from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.choosing import Search, attributes_file, attributes_of, checked, index_file
from nobodies.errors import ModelError, SearchError, SettingError, WeightsError
from nobodies.generator import Generator
from nobodies.latents.balance import NUM_GROUPS, groups_of
from nobodies.latents.wishes import Wishes, parse_wishes
from nobodies.settings import FaceSettings
from tests.conftest import tiny_model
from tests.tiny_attributes import install, tiny_attributes, tiny_index

WISHES = "woman, smiling, age 30..50"


@pytest.fixture(autouse=True)
def attributes(own_cache: object) -> None:
    install()


def test_chosen_seeds_have_faces_as_wished(generator: Generator) -> None:
    seeds = list(generator.choose(WISHES, count=20))
    assert len(seeds) == len(set(seeds)) == 20
    assert seeds == sorted(seeds)
    values = generator.attributes.predict(np.stack([generator.w(seed) for seed in seeds]))
    assert (values["woman"] >= 0.79).all()
    assert (values["smile"] >= 0.79).all()
    assert ((values["age"] >= 30) & (values["age"] <= 50)).all()


def test_no_seed_that_fits_is_passed_over(generator: Generator) -> None:
    chosen = list(generator.choose(WISHES, count=10))
    wished = parse_wishes(WISHES)
    fitting = [s for s in range(1, chosen[-1] + 1) if wished.screen(generator.attributes, generator.w(s)[None])[0]]
    assert chosen == fitting


def test_a_search_is_lazy_and_can_go_on(generator: Generator) -> None:
    search = Search(generator, parse_wishes(WISHES), FaceSettings(), from_seed=1)
    first = list(search.find(3))
    assert first + list(search.find(3)) == list(generator.choose(WISHES, count=6))
    assert list(islice(generator.choose(WISHES, count=10**9), 2)) == first[:2]
    assert "6 found among" in search.rate()


def test_a_balanced_choice_is_more_even_and_the_same_each_time(generator: Generator) -> None:
    chosen = list(generator.choose("", count=480, balanced=True, psi=1.0))
    assert chosen == list(generator.choose("", count=480, balanced=True, psi=1.0))
    assert chosen[5:10] == list(generator.choose("", count=5, from_seed=chosen[4] + 1, balanced=True, psi=1.0))
    plain = list(generator.choose("", count=480, psi=1.0))
    assert _unevenness(generator, chosen) < 0.5 * _unevenness(generator, plain)


def _unevenness(generator: Generator, seeds: list[int]) -> float:
    """Give the chi-square of the groups against equal shares."""
    scores = generator.attributes.scores(np.stack([generator.w(seed, psi=1.0)[0] for seed in seeds]))
    counts = np.bincount(groups_of(generator.attributes, scores), minlength=NUM_GROUPS)
    return float(((counts - counts.mean()) ** 2).sum() / counts.mean())


def test_balance_goes_with_wishes_and_leaves_out_minors(generator: Generator) -> None:
    chosen = list(generator.choose("woman", count=30, balanced=True, psi=1.0))
    values = generator.attributes.predict(np.stack([generator.w(seed, psi=1.0) for seed in chosen]))
    assert (values["woman"] >= 0.79).all()
    assert (values["age"] >= 20).all()


def test_an_index_measures_the_same_balance(generator: Generator) -> None:
    def shares() -> NDArray[np.float64]:
        search = Search(
            Generator(tiny_model(), generator.engine), Wishes(), FaceSettings(), from_seed=1, balanced=True
        )
        assert search.balance is not None
        return search.balance.shares

    slow = shares()
    install(index=tiny_index(8192))
    np.testing.assert_allclose(shares(), slow, atol=0.02)


@pytest.mark.parametrize("psi", [1.0, 0.7, -0.5])
@pytest.mark.parametrize("from_seed", [0, 37, 290, 5000])
def test_an_index_changes_nothing_but_the_time(generator: Generator, psi: float, from_seed: int) -> None:
    wished = parse_wishes("woman, beard, age 20..60")
    slow = list(generator.choose(wished, count=12, from_seed=from_seed, psi=psi))
    install(index=tiny_index(300))
    quick = Generator(tiny_model(), generator.engine)
    assert quick.seed_index is not None
    assert list(quick.choose(wished, count=12, from_seed=from_seed, psi=psi)) == slow


def test_an_index_of_other_attributes_is_not_used(generator: Generator) -> None:
    index = tiny_index(50)
    index.attributes = "those of another fit"
    install(index=index)
    assert generator.seed_index is None


def test_truncation_of_some_layers_only_is_reckoned_with(generator: Generator) -> None:
    seeds = list(generator.choose(WISHES, count=5, psi=0.5, cutoff=2))
    wished = parse_wishes(WISHES)
    for seed in seeds:
        assert wished.screen(generator.attributes, generator.w(seed, psi=0.5, cutoff=2)[None])[0]


def test_codes_that_are_screened_out_are_passed_over(generator: Generator) -> None:
    def even(codes: NDArray[np.float32]) -> NDArray[np.bool_]:
        return np.asarray(codes[:, 0, 7] > 0.5)

    search = Search(generator, parse_wishes(WISHES), FaceSettings(), from_seed=1, screen=even)
    chosen, unscreened = list(search.find(6)), list(generator.choose(WISHES, count=40))
    assert chosen == [seed for seed in unscreened if generator.w(seed)[0, 7] > 0.5][:6]


def test_a_fruitless_search_ends_and_names_the_rarest_wish(generator: Generator) -> None:
    search = Search(
        generator, parse_wishes("sunglasses, age 88..90, woman"), FaceSettings(), from_seed=1, seeds_a_face=500
    )
    with pytest.raises(
        SearchError, match=r"0 of 1 faces found among 500 seeds for 'age 88..90, woman, sunglasses'"
    ) as end:
        list(search.find(1))
    assert "the rarest is" in str(end.value)
    assert "\n" not in str(end.value)


def test_what_was_found_before_the_end_is_given(generator: Generator) -> None:
    search = Search(generator, parse_wishes("woman"), FaceSettings(), from_seed=2**64 - 30)
    found: list[int] = []
    with pytest.raises(SearchError):
        found.extend(search.find(1000))
    assert 0 < len(found) < 30
    assert max(found) < 2**64


def test_minors_are_passed_over_unless_allowed(generator: Generator) -> None:
    adults = list(generator.choose("", count=40, psi=1))
    everybody = list(generator.choose(Wishes(adults_only=False), count=40, psi=1))
    assert everybody == list(range(1, 41))
    assert len(set(range(1, adults[-1] + 1)) - set(adults)) > 0
    young = generator.attributes.predict(np.stack([generator.w(seed, psi=1) for seed in adults]))["age"]
    assert (young >= 20).all()


def test_wishes_that_cannot_be_are_refused_before_searching(generator: Generator) -> None:
    with pytest.raises(SettingError, match="not understood"):
        generator.choose("purple", count=1)
    with pytest.raises(SettingError, match="no attribute is called 'pitch'"):
        generator.choose("pitch 0..5", count=1)
    with pytest.raises(SettingError, match="at least 1"):
        Search(generator, Wishes(), FaceSettings(), from_seed=1, seeds_a_face=0)


def test_attributes_of_other_weights_are_refused(generator: Generator) -> None:
    card = tiny_attributes().card
    object.__setattr__(card, "weights", "f" * 16)
    foreign = type(tiny_attributes())(card, tiny_attributes().arrays)
    attributes_file("tiny").write_bytes(foreign.to_bytes())
    with pytest.raises(ModelError, match="fitted for tiny with weights ffff"):
        attributes_of(generator.model)


def test_damaged_files_are_noticed(generator: Generator) -> None:
    attributes_file("tiny").write_bytes(b"junk")
    with pytest.raises(WeightsError, match="no attribute model"):
        attributes_of(generator.model)
    install()
    index_file("tiny").write_bytes(b"junk")
    with pytest.raises(WeightsError, match="no index"):
        generator.choose("woman", count=1)


def test_without_attributes_it_is_said_how_to_fit_them(generator: Generator) -> None:
    attributes_file("tiny").unlink()
    with pytest.raises(ModelError, match="run 'nobodies attributes fit --model tiny'"):
        generator.choose("woman", count=1)


def test_checked_faces_are_those_that_measure_as_wished(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([{"woman": 0.9, "age": 30.0}, {"woman": 0.2, "age": 30.0}, None, {"woman": 0.7, "age": 15.0},
                     {"woman": 0.6, "age": 50.0}])  # fmt: skip
    monkeypatch.setattr("nobodies.survey.measure", lambda pixels: next(measured))
    passed = checked(generator, parse_wishes("woman"), iter([1, 2, 3, 4, 5]), FaceSettings())
    assert list(passed) == [1, 5]


def test_a_face_is_changed_by_seed_codes_or_itself(generator: Generator) -> None:
    by_seed = generator.edit(7, {"age": +10})
    by_codes = generator.edit(generator.w(7), {"age": +10})
    assert np.array_equal(by_seed.ws, by_codes.ws)
    assert by_seed.after["age"] == pytest.approx(by_seed.before["age"] + 10, abs=0.1)
    assert not np.array_equal(generator.face(w=by_seed.ws).pixels, generator.face(7).pixels)
    with pytest.raises(ModelError, match="no attributes are known for tiny"):
        generator.face(7).edit(age=+10)
