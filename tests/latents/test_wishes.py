import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.errors import SettingError
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.vocabulary import ATTRIBUTES, Range
from nobodies.latents.wishes import Wishes, known_words, parse_wishes
from tests.latents.attribute_worlds import fitted, style_codes, truth


@pytest.fixture(scope="module")
def model() -> AttributeModel:
    return fitted()


def ranges(name: str) -> st.SearchStrategy[Range | None]:
    low, high = int(ATTRIBUTES[name].minimum), int(ATTRIBUTES[name].maximum)
    pairs = st.tuples(st.integers(low, high), st.integers(low, high))
    return st.none() | pairs.map(lambda pair: Range(min(pair), max(pair)))


@st.composite
def wishes(draw: st.DrawFn) -> Wishes:
    chances = {n: draw(st.none() | st.booleans()) for n, a in ATTRIBUTES.items() if a.kind == "chance"}
    numbers = {n: draw(ranges(n)) for n, a in ATTRIBUTES.items() if a.kind == "number"}
    if chances["eyeglasses"] and chances["sunglasses"]:
        chances["sunglasses"] = False
    return Wishes(**chances, **numbers, adults_only=False)  # type: ignore[arg-type]


@given(wishes())
def test_what_is_written_reads_back_the_same(wished: Wishes) -> None:
    assert parse_wishes(str(wished), adults_only=False) == wished


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("age 35..45, woman, smiling, eyeglasses", "age 35..45, woman, smiling, eyeglasses"),
        ("A smiling woman, aged 35-45, with glasses", "age 35..45, woman, smiling, eyeglasses"),
        ("a smiling woman of about 40 with glasses", "age 37.5..42.5, woman, smiling, eyeglasses"),
        ("35 to 45 years old", "age 35..45"),
        ("man; 60+; NO GLASSES", "age 60..90, man, no eyeglasses, no sunglasses"),
        ("age > 60", "age 60..90"),
        ("age at least 60, age at most 70", "age 60..70"),
        ("not smiling man without beard", "man, not smiling, no beard"),
        ("beard: no", "no beard"),
        ("smile=yes, sunglasses=none", "smiling, no sunglasses"),
        ("facing left", "yaw -60..-12"),
        ("yaw -20..-10", "yaw -20..-10"),
        ("hair lightness below 30", "hair_lightness 0..30"),
        ("mouth_open", "mouth open"),
        ("no woman", "man"),
        ("", ""),
        (" , ,", ""),
    ],
)
def test_many_ways_to_say_it(text: str, meant: str) -> None:
    assert str(parse_wishes(text)) == meant


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("wmoan", "'wmoan' is not understood: did you mean 'woman'"),
        ("purple hair", "is not understood"),
        ("age 200", "beyond what faces have: stay within 0..90 years"),
        ("age 45..30", "runs backwards: write 30..45"),
        ("age", "wants a value"),
        ("woman, man", "contradict"),
        ("eyeglasses, sunglasses", "contradict"),
        ("age 20..30, age 40..50", "contradict"),
        ("age 8", "minors only"),
        ("no 40", "is not understood"),
        ("not facing left", "cannot be denied"),
        ("smiling " * 200, "characters"),
        ("age 1e999", "is not understood"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint) as refused:
        parse_wishes(text)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        wished = parse_wishes(text)
    except SettingError:
        return
    assert parse_wishes(str(wished)) == wished


@given(st.lists(st.sampled_from(known_words()), max_size=4))
def test_any_known_words_are_read_or_refused(words: list[str]) -> None:
    try:
        wished = parse_wishes(", ".join(words))
    except SettingError:
        return
    assert parse_wishes(str(wished)) == wished


def test_every_attribute_can_be_wished_for() -> None:
    assert {name for name in Wishes.__dataclass_fields__ if name != "adults_only"} == set(ATTRIBUTES)


def test_a_wish_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(SettingError, match="age is 40"):
        Wishes(age=40)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="smile is 1"):
        Wishes(smile=1)  # type: ignore[arg-type]


def test_screened_codes_are_those_of_faces_as_wished(model: AttributeModel) -> None:
    w = style_codes(5000, 21)
    wished = parse_wishes("woman, age 30..50", adults_only=False)
    fitting = wished.screen(model, w)
    true = truth(w)
    assert 200 < fitting.sum() < 4000
    assert (true["woman"][fitting] >= 0.5).mean() > 0.97
    assert ((true["age"][fitting] > 28) & (true["age"][fitting] < 52)).mean() > 0.9


def test_minors_are_left_out_unless_allowed(model: AttributeModel) -> None:
    w = style_codes(3000, 22)
    young = model.predict(w)["age"] < 20
    assert young.any()
    assert not (Wishes().screen(model, w) & young).any()
    assert Wishes(adults_only=False).screen(model, w).all()
    assert not Wishes().fits({"age": 15.0})
    assert Wishes(adults_only=False).fits({"age": 15.0})


def test_a_measured_face_fits_or_not() -> None:
    wished = parse_wishes("age 30..40, smiling, no beard")
    values = {"age": 35.0, "smile": 0.9, "beard": 0.1}
    assert wished.fits(values)
    assert not wished.fits(values | {"age": 41.0})
    assert not wished.fits(values | {"smile": 0.4})
    assert not wished.fits(values | {"beard": 0.6})
    assert not wished.fits(values | {"age": float("nan")})


def test_an_attribute_that_the_model_lacks_is_refused(model: AttributeModel) -> None:
    lacking = AttributeModel(model.card, model.arrays)
    lacking.names = tuple(name for name in model.names if name != "beard")
    with pytest.raises(SettingError, match="no attribute is called 'beard'"):
        Wishes(beard=True).score_bounds(lacking)


def test_wishes_can_be_taken_one_by_one() -> None:
    assert [str(each) for each in parse_wishes("woman, age 30..40").one_by_one()] == ["age 30..40", "woman"]
    assert np.all([not each.adults_only for each in parse_wishes("woman").one_by_one()])


def test_one_kind_of_glasses_is_not_the_other() -> None:
    assert dict(Wishes(eyeglasses=True, adults_only=False).bounds())["sunglasses"] is False
    assert dict(Wishes(sunglasses=True, adults_only=False).bounds())["eyeglasses"] is False


def test_who_wears_dark_glasses_is_not_asked_about_clear_ones(model: AttributeModel) -> None:
    clear, dark = model.index("eyeglasses"), model.index("sunglasses")
    low, high = Wishes(sunglasses=True, adults_only=False).score_bounds(model)
    assert np.isinf(high[clear]), "that score is one among faces without dark glasses"
    assert np.isfinite(low[dark])
    low, high = Wishes(eyeglasses=True, adults_only=False).score_bounds(model)
    assert np.isfinite(low[clear])
    assert np.isfinite(high[dark])


def test_adults_are_screened_with_a_margin_where_the_wish_leaves_room(model: AttributeModel) -> None:
    row = model.index("age")
    lowest = {
        text: parse_wishes(text).score_bounds(model)[0][row] for text in ("", "age 20..22", "age 20..40", "60+")
    }
    assert list(lowest.values()) == [24, 20, 24, 60]
    assert parse_wishes("age 20..40").fits({"age": 21.0})
