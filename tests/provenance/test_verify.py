import io
import json

import pytest
from PIL import Image

from nobodies.errors import InputError
from nobodies.imaging import encode
from nobodies.provenance import c2pa, encode_marked, packet
from nobodies.provenance.verify import MEANINGS, Mark, Verdict, verify
from nobodies.settings import MarkSettings
from tests.provenance.watermark.pictures import photograph

RECIPE = {"model": "tiny", "seed": 41, "psi": 0.7}


def _marked(**marks: str) -> bytes:
    return encode_marked(photograph(256), RECIPE, quality=95, marks=MarkSettings(**marks))  # type: ignore[arg-type]


def _states(verdict: Verdict) -> dict[str, str]:
    return {mark.name: mark.state for mark in verdict.marks}


def test_all_marks_of_a_fresh_picture_are_valid() -> None:
    pytest.importorskip("c2pa")
    verdict = verify(_marked())
    assert _states(verdict) == {"xmp": "valid", "c2pa": "valid", "watermark": "valid"}
    assert verdict.generated
    assert verdict.made_here
    assert verdict.seed == 41
    assert verdict.recipe == RECIPE


def test_stripped_of_metadata_the_seed_is_still_known() -> None:
    with Image.open(io.BytesIO(_marked())) as image:
        verdict = verify(encode(image, quality=80))
    assert _states(verdict) | {"c2pa": ""} == {"xmp": "absent", "c2pa": "", "watermark": "valid"}
    assert verdict.generated
    assert not verdict.made_here
    assert verdict.seed == 41
    assert verdict.recipe is None


def test_metadata_of_another_picture_is_found_out() -> None:
    with Image.open(io.BytesIO(_marked())) as image:
        verdict = verify(encode(image, xmp=packet(RECIPE | {"seed": 42})))
    assert _states(verdict)["xmp"] == "broken"
    assert verdict.seed == 41, "what is in the pixels counts"
    assert verdict.recipe is None


def test_digest_and_recipe_are_held_against_each_other() -> None:
    verdict = verify(_marked(watermark="digest", c2pa="off"))
    assert _states(verdict)["xmp"] == "valid"
    assert verdict.seed == 41
    with Image.open(io.BytesIO(_marked(watermark="digest", xmp="declaration", c2pa="off"))) as image:
        alone = verify(encode(image, quality=90))
    assert alone.seed is None
    assert alone.generated


def test_a_changed_file_is_no_longer_ours() -> None:
    pytest.importorskip("c2pa")
    data = bytearray(_marked())
    data[-2000] ^= 4
    verdict = verify(bytes(data))
    assert _states(verdict)["c2pa"] == "broken"
    assert not verdict.made_here


def test_an_unmarked_picture_proves_nothing() -> None:
    verdict = verify(encode(photograph(256)))
    assert set(_states(verdict).values()) <= {"absent", "not checked"}
    assert not verdict.generated
    assert verdict.seed is None
    assert "does not prove" in verdict.summary


def test_without_the_library_manifests_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _marked()
    monkeypatch.setattr(c2pa, "is_installed", lambda: False)
    verdict = verify(data)
    assert _states(verdict)["c2pa"] == "not checked"
    assert not verdict.made_here


def test_every_finding_that_can_be_made_is_explained() -> None:
    data = [_marked(), encode(photograph(256)), encode(photograph(128), xmp=packet(None))]
    marks = [mark for each in data for mark in verify(each).marks]
    assert all(mark.meaning for mark in marks)
    assert Mark("xmp", "foreign", "") in marks
    assert {name for name, _ in MEANINGS} == {"xmp", "c2pa", "watermark"}


def test_a_verdict_is_json() -> None:
    found = json.loads(json.dumps(verify(_marked(c2pa="off")).to_json()))
    assert found["seed"] == "41"
    assert {mark["name"] for mark in found["marks"]} == {"xmp", "c2pa", "watermark"}


@pytest.mark.parametrize("data", [b"", b"nonsense", encode(photograph(128))[:900]], ids=["empty", "text", "torn"])
def test_what_is_no_picture_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        verify(data)
    assert "\n" not in str(caught.value)
