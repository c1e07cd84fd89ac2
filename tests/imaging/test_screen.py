import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from nobodies.errors import DependencyError, InputError
from nobodies.imaging import screen
from nobodies.imaging.screen import Region, open_screen

WINDOWS = """
xwininfo: Window id: 0x50d (the root window) (has no name)

     2 children:
     0x20000c "Space "Trader" 2": ("trader" "Trader")  364x264+100+50  +100+50
        1 child:
        0x200018 (has no name): ()  364x264+0+0  +101+51
     0x40000c (name in unsupported encoding COMPOUND_TEXT): ("puzzle" "Puzzle")  200x100+-20+30  +-20+30
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen of 320x240 pixels that nobody sees."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb (apt install xvfb)")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "320x240x24", "-noreset", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    yield ":" + server.stdout.readline().strip()
    server.terminate()
    server.wait()
    server.stdout.close()


def test_the_screen_is_a_video(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    with open_screen("", rate=50) as video:
        frames = list(itertools.islice(video, 10))
    assert (video.info.width, video.info.height) == frames[0].size == (320, 240)
    assert [frame.index for frame in frames] == list(range(10))
    assert frames[-1].time_s == pytest.approx(9 / 50, abs=0.1)
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(frames))
    assert frames[0].pixels().shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("place", "expected"), [("10,20,100,80", (100, 80)), ("300,200,100,100", (20, 40)), ("0,0,9999,10", (320, 10))]
)
def test_a_part_of_the_screen(
    display: str, monkeypatch: pytest.MonkeyPatch, place: str, expected: tuple[int, int]
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    with open_screen(place) as video:
        assert next(iter(video)).size == expected


def test_a_place_off_the_screen_is_one_line(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    for place in ("500,0,10,10", "0,0,0,10"):
        with pytest.raises(InputError, match="not on the screen, which is 320x240"):
            open_screen(place)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("space", Region(100, 50, 220, 190)),
        ('"Trader"', Region(100, 50, 220, 190)),
        ("PUZZLE", Region(0, 30, 180, 100)),
    ],
)
def test_a_window_is_found_by_its_title_or_program(
    monkeypatch: pytest.MonkeyPatch, title: str, expected: Region
) -> None:
    monkeypatch.setattr(screen, "_window_list", lambda: WINDOWS)
    assert screen._region(title, Region(0, 0, 320, 240)) == expected


def test_a_window_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "_window_list", lambda: WINDOWS)
    with pytest.raises(InputError, match="no window is called 'Chess'"):
        screen._region("Chess", Region(0, 0, 320, 240))


@pytest.mark.skipif(sys.platform != "linux", reason="X11")
def test_windows_are_listed_by_xwininfo(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    if shutil.which("xwininfo"):
        assert "root window" in screen._window_list()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DependencyError, match="x11-utils"):
        screen._window_list()


@pytest.mark.skipif(sys.platform != "linux", reason="X11")
def test_no_screen_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(InputError, match="there is no screen to read"):
        open_screen("")


def test_colours_are_not_swapped(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    with open_screen("0,0,8,8") as video:
        shot = type("Shot", (), {"width": 8, "height": 8, "raw": bytearray([200, 100, 50, 255] * 64)})  # blue first
        monkeypatch.setattr(
            video, "_capture", type("Capture", (), {"grab": lambda *_: shot, "close": lambda _: None})()
        )
        np.testing.assert_array_equal(next(iter(video)).pixels()[0, 0], (50, 100, 200))
