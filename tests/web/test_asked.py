from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nobodies.errors import SettingError
from nobodies.web.asked import Asked, PictureQuery, parse_edits, parse_number

SEEDS = st.integers(0, 2**64 - 1)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "psi": st.floats(-1.5, 1.5),
        "cutoff": st.integers(0, 30),
        "noise": st.sampled_from(["stored", "none", "seeded"]),
        "size": st.integers(16, 8192),
        "quality": st.integers(1, 100),
        "mix": SEEDS.map(str),
        "amount": st.floats(0, 1),
        "layers": st.sampled_from(["all", "coarse", "fine"]),
        "edit": st.sampled_from(["age:10", "smile:-0.5,age:3", "age:0"]),
        "shape": st.sampled_from(["square", "circle"]),
        "background": st.sampled_from(["own", "transparent"]),
    },
)


@given(SEEDS, QUERIES, st.sampled_from(["png", "webp", "avif"]))
def test_an_address_means_the_picture_it_is_made_from(seed: int, query: dict[str, object], ending: str) -> None:
    asked = PictureQuery(**query).asked(seed, ending)  # type: ignore[arg-type]
    address = urlsplit(asked.address)
    assert address.path == f"/face/{seed}.{ending}"
    again = PictureQuery(**dict(parse_qsl(address.query))).asked(seed, ending)  # type: ignore[arg-type]
    assert again == asked
    assert again.address == asked.address


def test_what_is_as_by_default_is_left_out() -> None:
    def address(**query: object) -> str:
        return PictureQuery(**query).asked(42, "jpg").address  # type: ignore[arg-type]

    assert address() == address(psi=0.7, amount=0.3, layers="coarse") == "/face/42.jpeg"
    assert address(mix="7", amount=0) == "/face/42.jpeg"
    assert address(psi=0.70001) == "/face/42.jpeg"
    assert address(edit="smile:1,age:-10") == "/face/42.jpeg?edit=age:-10,smile:1"
    assert address(edit="age:-10,smile:1.0") == "/face/42.jpeg?edit=age:-10,smile:1"
    assert address(size=512, psi=0.5) == "/face/42.jpeg?size=512&psi=0.5"


def test_file_names_are_plain() -> None:
    asked = PictureQuery.model_validate({"size": 64}).asked(42, "avif")
    assert asked.file_name == "nobody-42-64.avif"
    assert Asked(asked.portrait).file_name == "nobody-42.jpg"


@pytest.mark.parametrize("query", [{"shape": "circle"}, {"background": "transparent"}])
def test_jpeg_has_no_transparency(query: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="png, webp or avif"):
        PictureQuery(**query).asked(1, "jpeg")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query", [{"psi": "nan"}, {"psi": 9}, {"size": 1}, {"colour": 1}, {"amount": 2}, {"mix": "x"}]
)
def test_what_is_out_of_range_or_unknown_is_refused(query: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PictureQuery(**query)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["age", "age:", "age:x", "age:1,age:2", "a:1," * 20, "AGE:1", "age:1e9", ":1"])
def test_wrong_edits_are_refused(text: str) -> None:
    with pytest.raises(SettingError):
        parse_edits(text)


@pytest.mark.parametrize("text", ["-1", "18446744073709551616", "1" * 30, "²", "4 2", ""])
def test_wrong_numbers_are_refused(text: str) -> None:
    with pytest.raises(SettingError):
        parse_number(text)
