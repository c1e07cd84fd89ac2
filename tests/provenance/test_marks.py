import io

import numpy as np
import pytest
from PIL import Image

from nobodies.errors import SettingError
from nobodies.imaging import xmp_of
from nobodies.imaging.decode import read_pixels
from nobodies.provenance import encode_marked, is_marked, recipe_of
from nobodies.provenance.marks import digest_of, message_of
from nobodies.provenance.watermark import Kind, Message, detect
from nobodies.settings import MarkSettings, PictureFormat
from nobodies.web.pictures import circled
from tests.provenance.watermark.pictures import photograph

RECIPE = {"model": "tiny", "seed": 2**63 + 5, "psi": 0.7}
UNSIGNED = MarkSettings(c2pa="off")


def _opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_a_picture_of_several_faces_is_known_by_its_checksum() -> None:
    for recipe in ({"seed": "any text"}, {"seeds": [1, 2]}, {}):
        assert message_of(recipe, MarkSettings()).kind == Kind.DIGEST
    assert message_of({"seed": 7}, MarkSettings()).kind == Kind.SEED


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_the_default_puts_declaration_and_watermark_into_every_format(format: PictureFormat) -> None:
    image = _opened(encode_marked(photograph(256), RECIPE, format=format))
    packet = xmp_of(image)
    assert packet is not None
    assert is_marked(packet)
    assert recipe_of(packet) == RECIPE
    found = detect(image)
    assert found is not None
    assert found.message == Message(Kind.SEED, 2**63 + 5)


def test_unsigned_files_are_the_same_each_time() -> None:
    assert encode_marked(photograph(128), RECIPE, marks=UNSIGNED) == encode_marked(
        photograph(128), RECIPE, marks=UNSIGNED
    )


def test_every_mark_can_be_left_out() -> None:
    marks = MarkSettings(xmp="off", watermark="off", c2pa="off")
    image = _opened(encode_marked(photograph(128), RECIPE, format="png", marks=marks))
    assert xmp_of(image) is None
    np.testing.assert_array_equal(np.asarray(image), np.asarray(photograph(128)))


def test_a_declaration_keeps_the_recipe_to_itself() -> None:
    marks = MarkSettings(xmp="declaration", watermark="digest", c2pa="off")
    data = encode_marked(photograph(256), RECIPE, marks=marks)
    image = _opened(data)
    packet = xmp_of(image)
    assert packet is not None
    assert is_marked(packet)
    assert recipe_of(packet) is None
    assert str(RECIPE["seed"]).encode() not in data
    found = detect(image)
    assert found is not None
    assert found.message == Message(Kind.DIGEST, digest_of(RECIPE))


def test_a_digest_stands_for_the_face_not_for_the_file() -> None:
    assert digest_of(RECIPE | {"format": "png", "size_px": 256}) == digest_of(RECIPE)
    assert digest_of(RECIPE | {"psi": 0.5}) != digest_of(RECIPE)


@pytest.mark.parametrize("format", ["png", "webp", "avif"])
def test_a_round_picture_carries_its_watermark_where_it_can_be_seen(format: PictureFormat) -> None:
    image = circled(photograph(256))
    data = encode_marked(image, RECIPE, format=format, marks=UNSIGNED)
    back = _opened(data)
    assert back.mode == "RGBA"
    found = detect(Image.fromarray(read_pixels(data)))  # as it looks on white
    assert found is not None
    assert found.message == Message(Kind.SEED, 2**63 + 5)


def test_what_is_wholly_transparent_stays_as_it_is() -> None:
    image = circled(photograph(256))
    marked = np.asarray(_opened(encode_marked(image, RECIPE, format="png", marks=UNSIGNED)))
    hidden = np.asarray(image)[..., 3] == 0
    assert hidden.any()
    np.testing.assert_array_equal(marked[hidden], np.asarray(image)[hidden])
    np.testing.assert_array_equal(marked[..., 3], np.asarray(image)[..., 3])
    assert (marked[~hidden] != np.asarray(image)[~hidden]).any()


def test_grey_pictures_are_marked_too() -> None:
    back = _opened(encode_marked(photograph(256).convert("L"), RECIPE, marks=UNSIGNED))
    assert back.mode == "L"
    found = detect(back)
    assert found is not None
    assert found.message == Message(Kind.SEED, 2**63 + 5)


def test_a_picture_of_another_mode_is_refused() -> None:
    with pytest.raises(SettingError, match="mode P cannot be marked"):
        encode_marked(photograph(128).convert("P"), RECIPE, format="png")
