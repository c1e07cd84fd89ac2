from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nobodies.provenance import SOURCE_TYPE, is_marked, packet, recipe_of

VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())


@given(st.dictionaries(st.text(), VALUES))
def test_a_recipe_comes_back_whatever_is_in_it(recipe: dict[str, Any]) -> None:
    written = packet(recipe)
    assert recipe_of(written) == recipe
    assert is_marked(written)


def test_the_packet_uses_the_words_of_the_standard() -> None:
    written = packet({}).decode()
    assert SOURCE_TYPE == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in written
    assert f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"' in written


def test_properties_written_as_elements_are_understood() -> None:
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    other = (
        f'<r:RDF xmlns:r="{rdf}"><r:Description xmlns:i="{iptc}">'
        f"<i:DigitalSourceType>{SOURCE_TYPE}</i:DigitalSourceType></r:Description></r:RDF>"
    )
    assert is_marked(other.encode())
    assert recipe_of(other.encode()) is None


@given(st.binary(max_size=300))
def test_garbage_is_no_mark(garbage: bytes) -> None:
    assert recipe_of(garbage) is None
    assert not is_marked(garbage)


def test_entities_and_oversize_are_not_parsed() -> None:
    whole = packet({"a": 1})
    assert recipe_of(b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + whole) is None
    assert recipe_of(whole + b" " * (1 << 18)) is None
