from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies.errors import OutputError, SettingError
from nobodies.imaging import xmp_of
from nobodies.imaging.animation import SUFFIXES, require_animation, write_animation


def pictures(count: int = 4, size: int = 32) -> Iterator[NDArray[np.uint8]]:
    for number in range(count):
        yield np.full((size, size, 3), 40 * number, np.uint8)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_holds_all_pictures_in_order(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"film{suffix}"
    assert write_animation(path, pictures(), rate_fps=10) == 4
    means = [picture.mean() for picture in frames_in(path)]
    assert means == pytest.approx([0, 40, 80, 120], abs=6)


def frames_in(path: Path) -> list[NDArray[np.uint8]]:
    if path.suffix in (".gif", ".webp"):
        found = []
        with Image.open(path) as film:
            for number in range(film.n_frames):  # type: ignore[attr-defined]
                film.seek(number)
                found.append(np.asarray(film.convert("RGB")))
        return found
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_webp_carries_its_mark_and_plays_again(tmp_path: Path) -> None:
    path = tmp_path / "film.webp"
    write_animation(path, pictures(), rate_fps=10, xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    with Image.open(path) as film:
        assert xmp_of(film) == b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
        assert film.info["loop"] == 0
        film.load()
        assert film.info["duration"] == 100


def test_a_name_of_no_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="names no kind of animation"):
        require_animation(tmp_path / "film.txt")


def test_nothing_to_show_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="at least one picture"):
        write_animation(tmp_path / "film.gif", iter(()), rate_fps=10)


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_film_that_breaks_off_leaves_nothing_behind(suffix: str, tmp_path: Path) -> None:
    def broken() -> Iterator[NDArray[np.uint8]]:
        yield from pictures(2)
        raise RuntimeError("the engine stopped")

    with pytest.raises(RuntimeError, match="the engine stopped"):
        write_animation(tmp_path / f"film{suffix}", broken(), rate_fps=10)
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="picture 2 is"):
        write_animation(tmp_path / "film.mp4", [*pictures(2), *pictures(1, size=64)], rate_fps=10)
