from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nobodies.imaging.gif import append_xmp, read_xmp

PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def animation(path: Path, count: int = 3) -> bytes:
    rng = np.random.default_rng(1)
    frames = [Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).quantize(16) for _ in range(count)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, loop=0)
    return path.read_bytes()


def test_a_packet_is_read_back_and_the_pictures_stay(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    before = animation(path)
    assert read_xmp(before) is None
    append_xmp(path, PACKET)
    assert read_xmp(path.read_bytes()) == PACKET
    with Image.open(path) as film:
        assert film.n_frames == 3  # type: ignore[attr-defined]
        film.seek(2)
        film.load()


def test_what_looks_like_a_packet_within_a_picture_is_none(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    data = animation(path)
    place = data.index(b"\x2c", 13 + 48)
    disguised = data[: place + 20] + b"\x21\xff\x0bXMP DataXMP" + data[place + 35 :]
    assert read_xmp(disguised) is None


@given(cut=st.integers(0, 3000), at=st.integers(13, 3000), byte=st.integers(0, 255))
def test_damaged_files_are_read_without_harm(
    cut: int, at: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("gif") / "film.gif"
    animation(path)
    append_xmp(path, PACKET)
    data = bytearray(path.read_bytes())
    data[min(at, len(data) - 1)] = byte
    found = read_xmp(bytes(data[: len(data) - cut]))
    assert found is None or isinstance(found, bytes)
