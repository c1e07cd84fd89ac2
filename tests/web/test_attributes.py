"""The attribute model of a generator, as the site uses it."""

import pytest

from nobodies.errors import SearchError, SettingError
from nobodies.generator import Generator
from nobodies.latents.wishes import ADULT_AGE
from nobodies.web.attributes import FaceAttributes
from nobodies.web.features import find_features
from nobodies.web.language import texts
from tests import tiny_attributes


@pytest.fixture
def attributes(generator: Generator) -> FaceAttributes:
    tiny_attributes.install()
    return FaceAttributes(generator)


def test_without_an_attribute_model_there_are_no_attributes(generator: Generator) -> None:
    assert find_features(generator).attributes is None


def test_what_is_found_fits_the_wishes(attributes: FaceAttributes) -> None:
    seeds = [seed for seed, _ in zip(attributes.choose("woman, age 30..50", 5), range(5), strict=False)]
    assert len(seeds) == 5
    assert seeds == sorted(seeds)
    for seed in seeds:
        values = attributes.predict(seed)
        assert 30 <= values["age"] <= 50
        assert values["woman"] > 0.5


def test_a_balanced_choice_is_that_of_the_library(generator: Generator, attributes: FaceAttributes) -> None:
    seeds = [seed for seed, _ in zip(attributes.choose("", 5, balanced=True), range(5), strict=False)]
    assert seeds == list(generator.choose("", count=5, from_seed=5, balanced=True))


def test_nobody_who_looks_like_a_minor_comes_up_by_chance(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tiny_attributes.MIDDLES, "age", 20.0)
    tiny_attributes.install()
    attributes = FaceAttributes(generator)
    shown = attributes.may_be_shown(range(200))
    ages = [attributes.predict(seed)["age"] for seed in range(200)]
    assert min(age for age, may in zip(ages, shown, strict=True) if may) >= ADULT_AGE
    assert 0 < sum(shown) < 200


def test_wishes_that_cannot_be(attributes: FaceAttributes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nobodies.web.attributes._SEEDS_A_FACE", 100)
    with pytest.raises(SettingError):
        list(attributes.choose("purple", 1))
    with pytest.raises(SearchError):
        list(attributes.choose("age 89.9..90", 1))


def test_sliders_move_what_they_say(generator: Generator, attributes: FaceAttributes) -> None:
    ws = generator.w(1)
    for slider in attributes.sliders:
        assert slider.lowest < 0 < slider.highest
        less, more = (attributes.edit(ws, {slider.name: step}) for step in (slider.lowest, slider.highest))
        before, after = (generator.attributes.scores(each[None])[0] for each in (less, more))
        row = generator.attributes.index(slider.name)
        assert after[row] > before[row]


def test_every_word_on_the_pages_is_understood_and_translated(attributes: FaceAttributes) -> None:
    names = texts("en").names()
    for slider in attributes.sliders:
        assert f"attribute.{slider.name}" in names
    for group in attributes.wishes:
        assert f"wish.{group.name}" in names
        for word in group.words:
            assert f"wish.{group.name}.{word}" in names
            next(attributes.choose(word, 1))
