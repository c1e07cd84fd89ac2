import io
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from nobodies.errors import SettingError
from nobodies.imaging import CODECS, encode, format_of, resize, xmp_of
from nobodies.settings import PictureFormat

FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)


@pytest.fixture
def image() -> Image.Image:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    return Image.fromarray(np.stack(np.broadcast_arrays(ramp, ramp[:, None], ramp[::-1]), axis=2))


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_comes_back_as_it_went_in(image: Image.Image, format: PictureFormat) -> None:
    xmp = b"<x>\xc3\xa9 & so on</x>"
    with Image.open(io.BytesIO(encode(image, format=format, xmp=xmp))) as back:
        assert back.format == CODECS[format].pillow_name
        assert xmp_of(back) == xmp
        error = np.abs(np.asarray(back.convert("RGB"), int) - np.asarray(image, int))
    assert error.max() <= (0 if format == "png" else 40)
    assert error.mean() <= 4


@pytest.mark.parametrize("format", [each for each in FORMATS if each != "png"])
def test_less_quality_is_a_smaller_file(image: Image.Image, format: PictureFormat) -> None:
    assert len(encode(image, format=format, quality=5)) < len(encode(image, format=format, quality=95))


def test_impossible_wishes_are_refused(image: Image.Image) -> None:
    with pytest.raises(SettingError, match="lossless"):
        encode(image, format="png", quality=50)
    with pytest.raises(SettingError, match="RGBA"):
        encode(image.convert("RGBA"), format="jpeg")
    for format in FORMATS[1:]:
        assert encode(image.convert("RGBA"), format=format)


def test_the_name_gives_the_format() -> None:
    assert [format_of(Path(f"a/b{codec.suffix}")) for codec in CODECS.values()] == list(CODECS)
    assert format_of(Path("A.JPEG")) == "jpeg"
    with pytest.raises(SettingError, match=r"\.webp"):
        format_of(Path("a.bmp"))


@pytest.mark.parametrize("size_px", [32, 16, 40, 21])
def test_resize_keeps_the_mean_and_is_near_the_lanczos_filter(image: Image.Image, size_px: int) -> None:
    small = resize(image, size_px)
    assert small.size == (size_px, size_px)
    assert np.asarray(small).mean() == pytest.approx(np.asarray(image).mean(), abs=1)
    slow = image.resize(small.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(small, float) - np.asarray(slow, float)).mean() < 2


def test_resize_leaves_the_right_size_alone(image: Image.Image) -> None:
    assert resize(image, 64) is image
