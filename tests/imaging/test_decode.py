import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nobodies.errors import InputError
from nobodies.imaging.decode import read_pixels

LEFT_RED = np.zeros((6, 8, 3), np.uint8)
LEFT_RED[:, :4] = (255, 0, 0)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_formats_come_back_as_they_were(format: str) -> None:
    assert np.array_equal(read_pixels(encoded(Image.fromarray(LEFT_RED), format)), LEFT_RED)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_come_back_nearly(format: str) -> None:
    wide = np.asarray(Image.fromarray(LEFT_RED).resize((80, 60), Image.Resampling.NEAREST))
    found = read_pixels(encoded(Image.fromarray(wide), format))
    assert np.abs(found.astype(int) - wide)[:, [5, 75]].max() < 12


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_becomes_rgb_bytes(mode: str) -> None:
    pixels = read_pixels(encoded(Image.new(mode, (5, 4)), "TIFF"))
    assert pixels.shape == (4, 5, 3)
    assert pixels.dtype == np.uint8


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    grey = np.array([[0, 0x8000, 0xFFFF]], np.uint16)
    assert read_pixels(encoded(Image.fromarray(grey)))[0, :, 0].tolist() == [0, 128, 255]


def test_cmyk_jpeg_is_converted() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = read_pixels(encoded(cyan, "JPEG"))[8, 8].tolist()
    assert red < 40
    assert min(green, blue) > 120


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert (read_pixels(encoded(clear)) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_the_camera_is_applied(orientation: int) -> None:
    upright = Image.fromarray(LEFT_RED)
    # What a camera held so would store: the operation that undoes the noted one.
    T = Image.Transpose
    undo = {
        2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE,
        6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_pixels(encoded(stored, exif=exif)), LEFT_RED)


def test_first_frame_of_an_animation() -> None:
    frames = [Image.fromarray(LEFT_RED), Image.new("RGB", (8, 6), "blue")]
    animated = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.array_equal(read_pixels(animated), LEFT_RED)


def test_reads_paths(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    path.write_bytes(encoded(Image.fromarray(LEFT_RED)))
    assert np.array_equal(read_pixels(path), LEFT_RED)
    assert np.array_equal(read_pixels(str(path)), LEFT_RED)


def test_large_pictures_are_refused_before_decoding() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(InputError, match="megapixels"):
        read_pixels(bomb)
    with pytest.raises(InputError, match="8 x 6 pixels"):
        read_pixels(encoded(Image.fromarray(LEFT_RED)), limit_pixels=40)


def test_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bytes(2000))
    for source in (path, bytes(2000)):
        with pytest.raises(InputError, match="MB"):
            read_pixels(source, limit_bytes=1000)


@pytest.mark.parametrize("content", [b"", b"\0", b"<svg/>", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4"])
def test_what_is_no_picture_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_pixels(content)
    assert "\n" not in str(caught.value)


def test_absent_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.png", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_pixels(path)


SOUND = [
    encoded(Image.fromarray(LEFT_RED), format) for format in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "AVIF")
]


@given(content=st.sampled_from(SOUND), data=st.data())
def test_truncated_files_are_refused_or_read_whole(content: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(content) - 1))
    read_or_refuse(content[:cut])


@given(content=st.sampled_from(SOUND), data=st.data())
def test_damaged_files_are_refused_or_read(content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(damaged))


@given(start=st.sampled_from([content[:12] for content in SOUND]), rest=st.binary(max_size=400))
def test_noise_behind_a_sound_start_is_refused_or_read(start: bytes, rest: bytes) -> None:
    read_or_refuse(start + rest)


def read_or_refuse(content: bytes) -> None:
    """The law: RGB bytes, or one line of InputError; never another exception, a warning, or a large array."""
    try:
        pixels = read_pixels(content, limit_pixels=1_000_000)
    except InputError as refusal:
        line = str(refusal)
    else:
        line = ""
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
        assert pixels.size <= 3_000_000
    assert "\n" not in line
