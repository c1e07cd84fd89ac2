from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies.errors import InputError, OutputError, SettingError
from nobodies.imaging.animation import SUFFIXES, write_animation
from nobodies.provenance import c2pa, write_marked_animation
from nobodies.provenance.marks import digest_of
from nobodies.provenance.verify import verify_file
from nobodies.provenance.watermark import Kind, Message, detect
from nobodies.settings import MarkSettings
from tests.imaging.test_animation import frames_in
from tests.provenance.watermark.pictures import photograph

RECIPE = {"model": "tiny", "morph": "1,2"}
HOLD_NO_MANIFEST = (".webm", ".mkv")


def film(count: int = 3, size_px: int = 256) -> Iterator[NDArray[np.uint8]]:
    """A picture that moves sideways."""
    pixels = np.asarray(photograph(size_px))
    for number in range(count):
        yield np.roll(pixels, 3 * number, axis=1)


def states(path: Path) -> dict[str, str]:
    return {mark.name: mark.state for mark in verify_file(path).marks}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_film_carries_every_mark_that_it_can(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"film{suffix}"
    assert write_marked_animation(path, film(), RECIPE, rate_fps=10) == 3
    verdict = verify_file(path)
    signed = "absent" if suffix in HOLD_NO_MANIFEST else "valid"
    expected = signed if c2pa.is_installed() else "not checked"
    assert states(path) == {"xmp": "valid", "c2pa": expected, "watermark": "valid"}
    assert verdict.recipe == RECIPE
    assert verdict.generated
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_single_frame_carries_the_watermark(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"film{suffix}"
    write_marked_animation(path, film(), RECIPE, rate_fps=10)
    for frame in frames_in(path):
        found = detect(Image.fromarray(frame))
        assert found is not None
        assert found.message == Message(Kind.DIGEST, digest_of(RECIPE))


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_every_mark_can_be_left_out(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"film{suffix}"
    write_marked_animation(
        path, film(), RECIPE, rate_fps=10, marks=MarkSettings(xmp="off", watermark="off", c2pa="off")
    )
    assert set(states(path).values()) <= {"absent", "not checked"}


def test_a_signature_that_the_file_cannot_hold_is_refused_before_any_work(tmp_path: Path) -> None:
    pytest.importorskip("c2pa")

    def never() -> Iterator[NDArray[np.uint8]]:
        raise AssertionError("nothing must be drawn")
        yield

    with pytest.raises(SettingError, match=r"\.webm files hold no manifest"):
        write_marked_animation(tmp_path / "film.webm", never(), RECIPE, rate_fps=10, marks=MarkSettings(c2pa="on"))


def test_a_changed_film_is_no_longer_ours(tmp_path: Path) -> None:
    pytest.importorskip("c2pa")
    path = tmp_path / "film.mp4"
    write_marked_animation(path, film(), RECIPE, rate_fps=10)
    data = bytearray(path.read_bytes())
    data[data.index(b"mdat") + 300] ^= 1
    path.write_bytes(data)
    assert states(path)["c2pa"] == "broken"
    assert not verify_file(path).made_here


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_film_that_breaks_off_leaves_nothing_behind(suffix: str, tmp_path: Path) -> None:
    def broken() -> Iterator[NDArray[np.uint8]]:
        yield from film(2)
        raise RuntimeError("the engine stopped")

    with pytest.raises(RuntimeError, match="the engine stopped"):
        write_marked_animation(tmp_path / f"film{suffix}", broken(), RECIPE, rate_fps=10)
    assert list(tmp_path.iterdir()) == []


def test_a_signature_that_fails_leaves_the_old_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("c2pa")
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the old one")

    def full(*_: object) -> None:
        raise OutputError("the file cannot be signed")

    monkeypatch.setattr(c2pa, "sign_stream", full)
    with pytest.raises(OutputError, match="cannot be signed"):
        write_marked_animation(path, film(), RECIPE, rate_fps=10)
    assert path.read_bytes() == b"the old one"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_film_without_marks_proves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_animation(path, film(), rate_fps=10)
    assert set(states(path).values()) <= {"absent", "not checked"}


@pytest.mark.parametrize("name", ["torn.mp4", "torn.webm", "nothing.mp4", "missing.mp4"])
def test_what_cannot_be_read_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.startswith("torn"):
        write_animation(path, film(), rate_fps=10)
        path.write_bytes(path.read_bytes()[:60])
    elif name.startswith("nothing"):
        path.write_bytes(b"")
    with pytest.raises(InputError) as caught:
        verify_file(path)
    assert "\n" not in str(caught.value)
