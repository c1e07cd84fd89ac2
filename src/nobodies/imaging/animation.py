"""Writing pictures that follow each other: as a video (mp4, webm, mkv, mov), or as an animated gif or webp."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.errors import OutputError, SettingError
from nobodies.files import replacing
from nobodies.imaging.gif import append_xmp

Pixels = NDArray[np.uint8]

_PILLOW: Final[dict[str, dict[str, Any]]] = {
    ".gif": {"format": "GIF", "optimize": False},
    ".webp": {"format": "WEBP", "quality": 85, "method": 2},
}
_VIDEOS: Final = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
SUFFIXES: Final = (*_VIDEOS, *_PILLOW)
"""Endings of the files that can be written."""
_MILLISECONDS: Final = 1000


def require_animation(path: Path) -> None:
    """Make sure that a file's name ends in one of `SUFFIXES`, and that what writes it is installed.

    Raises:
        SettingError: it does not.
        DependencyError: PyAV, which writes videos, is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SettingError(f"'{path.name}' names no kind of animation: end it with {', '.join(SUFFIXES)}")
    if path.suffix.lower() in _VIDEOS:
        import nobodies.imaging.video  # noqa: F401


def write_animation(
    path: Path, pictures: Iterable[Pixels], *, rate_fps: float, loop: bool = True, xmp: bytes | None = None
) -> int:
    """Write pictures one after the other. The file takes its name when it is complete.

    Args:
        path: its suffix chooses the kind, one of `SUFFIXES`.
        pictures: RGB [H, W, 3], all of one size, taken one by one.
        rate_fps: pictures a second; a gif keeps it to a hundredth of a second.
        loop: play again and again; for gif and webp.
        xmp: packet of metadata to put into the file.

    Returns:
        How many pictures were written.

    Raises:
        SettingError: the suffix is not known, or there is no picture.
        DependencyError: PyAV, which writes videos, is missing.
        OutputError: the file cannot be written.
    """
    require_animation(path)
    iterator = iter(pictures)
    first = next(iterator, None)
    if first is None:
        raise SettingError("an animation needs at least one picture")
    counter = _Counter(chain([first], iterator))
    if path.suffix.lower() in _PILLOW:
        _write_pillow(path, counter, rate_fps, loop=loop, xmp=xmp)
    else:
        _write_video(path, counter, first.shape, rate_fps, xmp)
    return counter.num_seen


class _Counter:
    """Passes pictures on and counts them."""

    def __init__(self, pictures: Iterable[Pixels]) -> None:
        self._pictures = pictures
        self.num_seen = 0

    def __iter__(self) -> Iterator[Pixels]:
        for each in self._pictures:
            self.num_seen += 1
            yield each


def _write_pillow(path: Path, pictures: Iterable[Pixels], rate_fps: float, *, loop: bool, xmp: bytes | None) -> None:
    options = dict(_PILLOW[path.suffix.lower()])
    if xmp is not None and options["format"] == "WEBP":
        options["xmp"] = xmp
    if loop:
        options["loop"] = 0
    elif options["format"] == "WEBP":
        options["loop"] = 1
    prepare: Callable[[Image.Image], Image.Image] = _palette if options["format"] == "GIF" else _unchanged
    images = (prepare(Image.fromarray(each)) for each in pictures)
    with replacing(path) as part:
        with part.open("wb") as file:
            duration = round(_MILLISECONDS / rate_fps)
            next(images).save(file, save_all=True, append_images=images, duration=duration, **options)
        if xmp is not None and options["format"] == "GIF":
            append_xmp(part, xmp)


def _palette(image: Image.Image) -> Image.Image:
    return image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.FLOYDSTEINBERG)


def _unchanged(image: Image.Image) -> Image.Image:
    return image


def _write_video(
    path: Path, pictures: Iterable[Pixels], shape: tuple[int, ...], rate_fps: float, xmp: bytes | None
) -> None:
    import av

    from nobodies.imaging.video import UPRIGHT, Colours, Frame, VideoInfo
    from nobodies.imaging.video_writer import writing_video

    rate = Fraction(rate_fps).limit_denominator(1001)
    info = VideoInfo(
        width=shape[1], height=shape[0], time_base=1 / rate, rate=rate, num_frames=None, pixel_aspect=Fraction(1),
        colours=Colours(), sounds=(),
    )  # fmt: skip
    with writing_video(path, info, xmp=xmp) as out:
        for index, pixels in enumerate(pictures):
            if pixels.shape != shape:
                raise OutputError(f"picture {index} is {list(pixels.shape)}, the first was {list(shape)}")
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            out.write(Frame(index, float(index / rate), index, picture, UPRIGHT), pixels)
