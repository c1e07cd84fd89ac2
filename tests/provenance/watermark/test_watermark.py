import hashlib
import io
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from nobodies.errors import SettingError
from nobodies.provenance.watermark import SMALLEST_PX, Kind, Message, detect, embed
from nobodies.provenance.watermark.pattern import CODED_BITS, carriers, frequencies, tile_of
from tests.provenance.watermark.pictures import photograph

MESSAGE = Message(Kind.SEED, 0x0123_4567_89AB_CDEF)


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def psnr(a: Image.Image, b: Image.Image) -> float:
    error = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    return float(10 * np.log10(255**2 / np.mean(error**2)))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "none": lambda image: image,
    "jpeg 50": lambda image: recompressed(image, 50),
    "resize 50%": lambda image: image.resize((256, 256), Image.Resampling.LANCZOS),
    "enlarged": lambda image: image.resize((700, 700), Image.Resampling.BICUBIC),
    "crop 25%": lambda image: image.crop((37, 81, 421, 465)),
    "crop, wide": lambda image: image.crop((0, 60, 512, 400)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "stretched": lambda image: image.resize((560, 512)),
    "turned": lambda image: image.rotate(1, Image.Resampling.BICUBIC),
    "turned far": lambda image: image.rotate(-33, Image.Resampling.BICUBIC, expand=True),
    "quarter turn": lambda image: image.transpose(Image.Transpose.ROTATE_270),
    "turned, mirrored": lambda image: image.rotate(4).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "grey": lambda image: image.convert("L"),
    "transparent": lambda image: image.convert("RGBA"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_message_survives(change: Callable[[Image.Image], Image.Image]) -> None:
    marked = embed(photograph(512), MESSAGE)
    found = detect(change(marked))
    assert found is not None
    assert found.message == MESSAGE


def test_a_mirrored_picture_and_its_scale_are_told() -> None:
    found = detect(embed(photograph(512), MESSAGE).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert found is not None
    assert found.mirrored
    assert found.period_px == pytest.approx(128, rel=0.01)


def test_a_picture_that_was_straightened_and_cropped_is_read() -> None:
    turned = embed(photograph(512, 2), MESSAGE).rotate(3, Image.Resampling.BICUBIC)
    found = detect(turned.crop((30, 30, 482, 482)))
    assert found is not None
    assert found.message == MESSAGE


@given(degrees=st.floats(-180, 180), seed=st.integers(0, 3))
@settings(max_examples=8, deadline=None)
def test_the_message_is_read_at_any_angle_and_the_angle_is_told(degrees: float, seed: int) -> None:
    marked = embed(photograph(512, seed), MESSAGE)
    found = detect(marked.rotate(degrees, Image.Resampling.BICUBIC, expand=True))
    assert found is not None
    assert found.message == MESSAGE
    away = abs((found.degrees - degrees + 180) % 360 - 180)
    assert away <= 0.5


@pytest.mark.parametrize("size_px", [128, 200, 256, 333, 512])
def test_the_mark_is_at_least_40_db_down_at_every_size(size_px: int) -> None:
    image = photograph(size_px)
    marked = embed(image, MESSAGE)
    assert psnr(image, marked) >= 40
    found = detect(marked)
    assert found is not None
    assert found.message == MESSAGE


@given(number=st.integers(0, 2**64 - 1), kind=st.sampled_from(Kind), seed=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_every_message_is_read_back(number: int, kind: Kind, seed: int) -> None:
    found = detect(embed(photograph(256, seed), Message(kind, number)))
    assert found is not None
    assert found.message == Message(kind, number)


def test_the_same_message_gives_the_same_pixels() -> None:
    image = photograph(256)
    before = image.tobytes()
    assert embed(image, MESSAGE).tobytes() == embed(image, MESSAGE).tobytes()
    assert image.tobytes() == before, "the picture given is left as it is"


def test_two_messages_are_not_confused() -> None:
    other = Message(Kind.SEED, MESSAGE.number ^ 1)
    found = detect(embed(photograph(256), other))
    assert found is not None
    assert found.message == other


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_seen_in_unmarked_pictures(seed: int) -> None:
    assert detect(photograph(256, 100 + seed)) is None


@pytest.mark.parametrize("size", [(1, 1), (47, 300), (20000, 48), (48, 9000), (300, 301)])
def test_pictures_of_any_shape_are_looked_at_in_bounded_time(size: tuple[int, int]) -> None:
    start = time.monotonic()
    assert detect(Image.new("RGB", size, (9, 9, 9))) is None
    assert time.monotonic() - start < 20


def test_a_picture_that_is_too_small_stays_as_it_is() -> None:
    small = photograph(SMALLEST_PX - 1)
    assert embed(small, MESSAGE) is small


@pytest.mark.parametrize("number", [-1, 2**64])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(SettingError, match="a watermark holds"):
        Message(Kind.SEED, number)


def test_an_unknown_kind_is_no_message() -> None:
    assert Message.from_bits(np.ones(68, np.uint8)) is None


def test_the_layout_is_the_one_that_is_out_in_the_world() -> None:
    """Marks made by earlier versions must stay readable: this pins which carrier holds what."""
    layout = carriers()
    assert set(layout.bits.tolist()) == set(range(CODED_BITS)), "every coded bit is sent"
    phases = layout.sync_phases
    parts = (layout.sync.astype("<i8"), phases.imag > 0, phases.real > 0, layout.data.astype("<i8"))
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts))
    digest.update(layout.signs.astype("<f4").tobytes() + layout.bits.astype("<i8").tobytes())
    assert digest.hexdigest() == "8c49cac7e50250ae06240109f81cc05e7560c048509d117764f7ed7575258a23"


def test_the_tile_holds_nothing_outside_its_band() -> None:
    tile = tile_of(np.zeros(CODED_BITS, np.uint8))
    power = np.abs(np.fft.rfft2(tile)).reshape(-1) ** 2
    outside = (frequencies() < 5) | (frequencies() > 22)
    assert power[outside].sum() < 1e-6 * power.sum()
