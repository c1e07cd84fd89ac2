"""Find faces in pictures and videos, and make copies in which they are marked or hidden."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.files import write_atomic
from nobodies.imaging import encode, format_of
from nobodies.imaging.ahead import work_ahead
from nobodies.settings import DetectSettings, Mark
from nobodies.vision import annotate
from nobodies.vision.follow import FaceFinder, FollowedFace, follow
from nobodies.vision.results import Detection

if TYPE_CHECKING:
    from nobodies.imaging.video import Frame, VideoInfo
    from nobodies.imaging.video_writer import VideoWriter

Pixels = NDArray[np.uint8]

HIDING: Sequence[Mark] = ("blur", "pixelate")
_HIDDEN_SHARE = 1 / 40  # smallest face looked for where faces are hidden, as a share of the longer side
_DEPTH = 4  # frames that wait between two threads


class VideoSource(Protocol):
    """Where frames come from: `open_video`, `open_camera` or `open_screen`."""

    @property
    def info(self) -> "VideoInfo":
        """Size, timing and colours."""

    def __iter__(self) -> "Iterator[Frame]": ...
    def remaining_sounds(self) -> tuple[Any, ...]:
        """Sound after the last frame."""


def watch_picture(
    pixels: Pixels, finder: FaceFinder, settings: DetectSettings, *, mark: Mark = "box", out: Path | None = None
) -> list[Detection]:
    """Find faces in one picture.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        finder: looks for faces.
        settings: how to look.
        mark: what to do to the faces in the copy.
        out: where to write the copy; its suffix chooses the format. None for no copy.

    Returns:
        Faces, the widest first.

    Raises:
        OutputError: the copy cannot be written.
        SettingError: `out` names no picture format.
    """
    faces = finder.detect(pixels, min_score=settings.min_score, min_size_px=settings.min_size_px)
    if out is not None:
        boxes = [face.box for face in faces]
        marked = marked_copy(pixels, faces, boxes, mark=mark)
        write_atomic(out, encode(Image.fromarray(marked), format=format_of(out)))
    return faces


def watch_video(
    video: VideoSource,
    finder: FaceFinder,
    settings: DetectSettings,
    *,
    mark: Mark = "box",
    out: Path | None = None,
    frames: "Iterable[Frame] | None" = None,
) -> "Generator[tuple[Frame, tuple[FollowedFace, ...]], None, None]":
    """Find and follow faces in a video. Decoding, detecting and what the caller does run at the same time.

    Args:
        video: opened by the caller.
        finder: looks for faces.
        settings: how to look.
        mark: what to do to the faces in the copy.
        out: where to write the copy, with the sound of the original. It gets its name after the last frame; if the
            generator is closed before, nothing is left. None for no copy.
        frames: the part of `video` to take; all of it if None.

    Yields:
        Each frame, already written, and its faces in order of track number.

    Raises:
        InputError: the video is damaged beyond reading.
        OutputError: the copy cannot be written.
    """
    with ExitStack() as stack:
        writer = None if out is None else stack.enter_context(_writing(out, video.info))
        decoded = stack.enter_context(closing(work_ahead(video if frames is None else frames, depth=_DEPTH)))
        followed = follow(
            decoded,
            finder,
            every=settings.every,
            min_score=settings.min_score,
            min_size_px=settings.min_size_px or _smallest(video.info, mark),
        )
        for frame, faces in stack.enter_context(closing(work_ahead(followed, depth=_DEPTH))):
            if writer is not None:
                writer.write(frame, _marked_frame(frame, faces, mark))
            yield frame, faces
        if writer is not None:
            writer.write_sounds(video.remaining_sounds())


def marked_copy(
    pixels: Pixels,
    faces: Sequence[Detection],
    hidden: Sequence[annotate.Box],
    *,
    mark: Mark,
    numbers: Sequence[int] | None = None,
) -> Pixels:
    """Draw on a picture, or hide faces in it.

    Args:
        pixels: uint8 [H, W, 3], RGB.
        faces: to draw, by "box" and "points".
        hidden: boxes to hide, by "blur" and "pixelate".
        mark: which of them.
        numbers: one for each face.
    """
    match mark:
        case "blur":
            return annotate.blur(pixels, hidden)
        case "pixelate":
            return annotate.pixelate(pixels, hidden)
        case "points":
            return annotate.draw_points(pixels, faces, numbers=numbers)
        case "box":
            return annotate.draw_boxes(pixels, faces, numbers=numbers)


def _marked_frame(frame: "Frame", faces: Sequence[FollowedFace], mark: Mark) -> Pixels | None:
    """The frame with its faces marked; None if there is nothing to do, so that it need not become RGB."""
    drawn = faces if mark in HIDING else [face for face in faces if face.evidence != "held"]
    if not drawn:
        return None
    return marked_copy(
        frame.pixels(),
        [face.detection for face in drawn],
        [face.reach for face in drawn],
        mark=mark,
        numbers=[face.track for face in drawn],
    )


def _writing(out: Path, info: "VideoInfo") -> "AbstractContextManager[VideoWriter]":
    from nobodies.imaging.video_writer import writing_video

    return writing_video(out, info)


def _smallest(info: "VideoInfo", mark: Mark) -> float | None:
    return max(info.width, info.height) * _HIDDEN_SHARE if mark in HIDING else None
