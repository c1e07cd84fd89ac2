"""Read what is on the screen, such as the window of a running game, as a video."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

from nobodies.errors import DependencyError, InputError
from nobodies.imaging.video import UPRIGHT, Colours, Frame, VideoInfo

try:
    import mss
except ImportError as error:
    raise DependencyError(
        "the screen needs mss, which is not installed: try pip install 'nobodies[video]'"
    ) from error

_TIME_BASE = Fraction(1, 90_000)
_LIST_WINDOWS = ("xwininfo", "-root", "-tree")
_LIST_WINDOWS_TIMEOUT_S = 5

# A line of xwininfo: id "title": ("name" "class")  484x316+0+0  +10+20, the last pair being the place on the screen.
_WINDOW = re.compile(r"^\s*0x[0-9a-f]+ (?P<names>.*\))\s+(\d+)x(\d+)[+-]\S+\s+\+(-?\d+)\+(-?\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the screen, in pixels from its top left corner."""

    x: int
    y: int
    width: int
    height: int


def open_screen(place: str, *, rate: int = 30) -> "ScreenReader":
    """Open the screen, a rectangle of it, or the place where a window is now. Its frames have no end.

    A window is followed neither when it moves nor when another one covers it: what is seen is what is recorded.

    Args:
        place: "" for all screens together, "x,y,width,height" in pixels, or part of a window's
            title or of its program's name (X11 only).
        rate: frames a second to aim at. Fewer are taken if the reader is slower; their times stay true.

    Raises:
        InputError: there is no screen, no such window, or the rectangle is not on the screen.
        DependencyError: a window is asked for, and xwininfo is not installed.
    """
    try:
        capture = mss.MSS()
    except mss.ScreenShotError as error:
        raise InputError(f"there is no screen to read ({error}): is DISPLAY set?") from error
    try:
        return ScreenReader(capture, _region(place, _whole(capture)), rate)
    except BaseException:
        capture.close()
        raise


class ScreenReader:
    """The frames of a screen; see `open_screen`."""

    def __init__(self, capture: mss.MSS, region: Region, rate: int) -> None:
        self._capture = capture
        self._region = region
        self.info = VideoInfo(
            width=region.width,
            height=region.height,
            time_base=_TIME_BASE,
            rate=Fraction(rate),
            num_frames=None,
            pixel_aspect=Fraction(1),
            colours=Colours(),
            sounds=(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the screen."""
        self._capture.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames at the rate that was asked for, or as fast as they are drawn if that is slower."""
        start_s = time.monotonic()
        index, last_pts = 0, -1
        while True:
            time_s = time.monotonic() - start_s
            pts = max(round(time_s / self.info.time_base), last_pts + 1)
            yield Frame(index, time_s, pts, self._grab(), UPRIGHT)
            index, last_pts = index + 1, pts
            time.sleep(max(0.0, time_s + 1 / float(self.info.rate) - (time.monotonic() - start_s)))

    def remaining_sounds(self) -> tuple[Any, ...]:
        """None: a screen has no sound."""
        return ()

    def _grab(self) -> av.VideoFrame:
        region = self._region
        try:
            shot = self._capture.grab(
                {"left": region.x, "top": region.y, "width": region.width, "height": region.height}
            )
        except mss.ScreenShotError as error:
            raise InputError(f"the screen cannot be read any more ({error})") from error
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        return av.VideoFrame.from_ndarray(pixels, "bgra")


def _whole(capture: mss.MSS) -> Region:
    """The rectangle around all screens, which mss lists first."""
    screen = capture.monitors[0]
    return Region(screen["left"], screen["top"], screen["width"], screen["height"])


def _region(place: str, whole: Region) -> Region:
    if not place:
        return whole
    numbers = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)", place)
    region = Region(*map(int, numbers.groups())) if numbers else _window(place)
    return _clipped(region, whole, place)


def _clipped(region: Region, whole: Region, place: str) -> Region:
    left, top = max(region.x, whole.x), max(region.y, whole.y)
    right = min(region.x + region.width, whole.x + whole.width)
    bottom = min(region.y + region.height, whole.y + whole.height)
    if right <= left or bottom <= top:
        raise InputError(f"'{place}' is not on the screen, which is {whole.width}x{whole.height} pixels")
    return Region(left, top, right - left, bottom - top)


def _window(title: str) -> Region:
    """Where the first window is that has `title` in its title or in the name of its program."""
    for line in _window_list().splitlines():
        found = _WINDOW.match(line)
        if found and title.casefold() in found["names"].casefold():
            width, height, x, y = map(int, found.groups()[1:])
            return Region(x, y, width, height)
    raise InputError(
        f"no window is called '{title}': see '{' '.join(_LIST_WINDOWS)}', or give screen:x,y,width,height"
    )


def _window_list() -> str:
    if sys.platform != "linux":
        raise InputError("a window can be found by its title on X11 only: give its place as screen:x,y,width,height")
    if shutil.which(_LIST_WINDOWS[0]) is None:
        raise DependencyError("finding a window needs xwininfo: try apt install x11-utils, or give x,y,width,height")
    listed = subprocess.run(
        _LIST_WINDOWS, capture_output=True, encoding="utf-8", errors="replace", timeout=_LIST_WINDOWS_TIMEOUT_S
    )
    if listed.returncode != 0:
        raise InputError(f"the windows cannot be listed: {listed.stderr.strip().splitlines()[-1:]}")
    return listed.stdout
