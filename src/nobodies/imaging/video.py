"""What a video is to nobodies: upright frames with their time and the sound that goes before them.

Decoding and encoding go through PyAV, FFmpeg's libraries. A frame stays as the decoder left it, some 1.5 bytes a
pixel, and is turned into RGB only where somebody looks at it.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import DependencyError, InputError

try:
    import av
    import av.error
except ImportError as error:
    raise DependencyError("video needs PyAV, which is not installed: try pip install 'nobodies[video]'") from error

Pixels = NDArray[np.uint8]

MAX_FRAME_PIXELS = 8192 * 8192
"""Larger frames are refused: one of them would take 200 MB."""

_UNSPECIFIED = 2
"""FFmpeg's number for a colour property that the file leaves open."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels become upright: rows and columns swapped or not, then mirrored along x and y or not."""

    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def upright(self, pixels: Pixels) -> Pixels:
        """Turn an array [H, W, …] as stored into the array as it is meant to be seen."""
        if self.swap:
            pixels = pixels.swapaxes(0, 1)
        pixels = pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(pixels)

    def upright_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height once upright."""
        return (height, width) if self.swap else (width, height)


UPRIGHT = Orientation()


def orientation(picture: av.VideoFrame) -> Orientation:
    """Read the display matrix that phones write into their videos.

    Args:
        picture: decoded frame.

    Returns:
        One of the eight ways to lay a rectangle on its sides.

    Raises:
        InputError: the matrix turns by something other than a multiple of 90°.

    Source: ISO/IEC 14496-12, the matrix of the track header; x' = a·x + c·y and y' = b·x + d·y.
    """
    matrix = picture.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()  # type: ignore[call-overload]
    if a and d and not b and not c:
        return Orientation(flip_x=a < 0, flip_y=d < 0)
    if b and c and not a and not d:
        return Orientation(swap=True, flip_x=c < 0, flip_y=b < 0)
    raise InputError(f"the video is turned by {picture.rotation}°: only 0, 90, 180 and 270 can be made upright")


@dataclass(frozen=True, slots=True)
class Colours:
    """How numbers stand for colours in a video, in FFmpeg's codes; written on as it was read."""

    space: int = _UNSPECIFIED
    range: int = 0
    primaries: int = _UNSPECIFIED
    transfer: int = _UNSPECIFIED

    @property
    def matrix(self) -> int | None:
        """The conversion between RGB and YUV, None for the converter's default."""
        return None if self.space in {0, _UNSPECIFIED} else self.space


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video says about itself before it is decoded."""

    width: int
    """Width once upright, in pixels."""
    height: int
    time_base: Fraction
    """Seconds a tick of `Frame.pts`."""
    rate: Fraction
    """Frames a second on average; only a hint where the rate varies."""
    num_frames: int | None
    """None where nobody knows, as with a camera."""
    pixel_aspect: Fraction
    colours: Colours
    sounds: tuple[Any, ...]
    """Sound streams (av.AudioStream) whose packets come with the frames."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a video."""

    index: int
    time_s: float
    pts: int
    """Time in ticks of the video's time base; grows strictly from frame to frame."""
    picture: av.VideoFrame
    orientation: Orientation
    sounds: tuple[Any, ...] = ()
    """Packets of sound (av.Packet) that came before this frame."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        return self.orientation.upright_size(self.picture.width, self.picture.height)

    def pixels(self, *, long_side_px: int | None = None) -> Pixels:
        """The frame as RGB.

        Args:
            long_side_px: scale down, by area, so that the longer side has at most so many pixels.

        Returns:
            uint8 [H, W, 3], upright.
        """
        width, height = self.picture.width, self.picture.height
        scale = min(1.0, (long_side_px or max(width, height)) / max(width, height))
        rgb = self.picture.reformat(
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            format="rgb24",
            interpolation="FAST_BILINEAR" if scale == 1 else "AREA",
        )
        return self.orientation.upright(rgb.to_ndarray())  # type: ignore[arg-type]
