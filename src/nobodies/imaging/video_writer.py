"""Write a video to a file, with the sound of the video it came from."""

import contextlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import av
import numpy as np

from nobodies.errors import OutputError
from nobodies.files import replacing
from nobodies.imaging.video import UPRIGHT, Frame, Pixels, VideoInfo


@dataclass(frozen=True, slots=True)
class Container:
    """How one kind of file is written."""

    name: str
    """What FFmpeg calls it."""
    encoder: str
    options: Mapping[str, str]
    xmp: Literal["box", "xmp", "XMP"]
    """Where it holds an XMP packet: in a box of its own, or under this name among the metadata that FFmpeg writes: as
    QuickTime wants it, or as a tag of Matroska, which has no standard place."""


# The presets were chosen by measurement (docs/results-video.md); crf 20 is hard to tell from the original.
_X264 = ("libx264", {"preset": "veryfast", "crf": "20"})
_VP9 = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "30", "b:v": "0"})
CONTAINERS: Final[Mapping[str, Container]] = {
    ".mp4": Container("mp4", *_X264, "box"),
    ".m4v": Container("mp4", *_X264, "box"),
    ".mov": Container("mov", *_X264, "xmp"),
    ".mkv": Container("matroska", *_X264, "XMP"),
    ".webm": Container("webm", *_VP9, "XMP"),
}

# XMP Specification Part 3 (2020), section 1.2.3: a top-level 'uuid' box with this identifier.
_XMP_BOX: Final = b"uuid" + bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@contextlib.contextmanager
def writing_video(path: Path, info: VideoInfo, *, xmp: bytes | None = None) -> Iterator["VideoWriter"]:
    """Make a video file. It takes its name when it is complete, and leaves nothing behind if it never is.

    >>> with writing_video(Path("out.mp4"), video.info) as out:     # doctest: +SKIP
    ...     for frame in video:
    ...         out.write(frame, annotate(frame.pixels()))
    ...     out.write_sounds(video.remaining_sounds())

    Args:
        path: its suffix chooses the container, one of CONTAINERS.
        info: size, timing, colours and sound streams, as read from the source.
        xmp: packet of metadata to put into the file.

    Raises:
        OutputError: the suffix is not one of CONTAINERS, the container cannot hold the sound, the file cannot be
            written, or the disk is full.
    """
    container = container_of(path)
    with replacing(path) as part, _as_os_errors():
        file = av.open(f"file:{part}", "w", format=container.name)
        if xmp is not None and container.xmp != "box":
            file.metadata[container.xmp] = xmp.decode()
        try:
            writer = VideoWriter(file, container, info)
            yield writer
            writer.finish()
        finally:
            file.close()
        if xmp is not None and container.xmp == "box":
            with part.open("ab") as end:
                end.write(struct.pack(">I", 4 + len(_XMP_BOX) + len(xmp)) + _XMP_BOX + xmp)


def container_of(path: Path) -> Container:
    """Tell the container from a file's name.

    Raises:
        OutputError: the suffix is not one of CONTAINERS.
    """
    try:
        return CONTAINERS[path.suffix.lower()]
    except KeyError:
        raise OutputError(f"'{path.name}' names no kind of video: end it with {', '.join(CONTAINERS)}") from None


class VideoWriter:
    """A video file in the making; see `writing_video`."""

    def __init__(self, file: av.container.OutputContainer, container: Container, info: VideoInfo) -> None:
        self._file = file
        self._container = container
        self._info = info
        self._video = self._add_video()
        self._sounds = {each.index: self._add_sound(each) for each in info.sounds}

    def write(self, frame: Frame, pixels: Pixels | None = None) -> None:
        """Encode one frame, after the sounds that go before it.

        Args:
            frame: gives time and sounds, and the picture if `pixels` does not.
            pixels: uint8 [H, W, 3] RGB, upright, of the size that was announced.
        """
        self.write_sounds(frame.sounds)
        picture = self._encodable(frame, pixels)
        picture.pts, picture.time_base = frame.pts, self._info.time_base
        picture.pict_type = 0  # the encoder decides, not the source
        self._file.mux(self._video.encode(picture))

    def write_sounds(self, packets: tuple[Any, ...]) -> None:
        """Copy packets of sound as they are."""
        for packet in packets:
            packet.stream = self._sounds[packet.stream_index]
            self._file.mux_one(packet)

    def finish(self) -> None:
        """Encode what the encoder still holds and complete the file."""
        self._file.mux(self._video.encode(None))
        self._file.close()

    def _add_video(self) -> av.VideoStream:
        info = self._info
        stream = self._file.add_stream(
            self._container.encoder, rate=info.rate.limit_denominator(100_000), options=dict(self._container.options)
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = _even(info.width), _even(info.height)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = info.time_base
        context.sample_aspect_ratio = info.pixel_aspect
        context.colorspace, context.color_range = info.colours.space, info.colours.range
        context.color_primaries, context.color_trc = info.colours.primaries, info.colours.transfer
        return stream

    def _add_sound(self, source: Any) -> Any:
        try:
            return self._file.add_stream_from_template(source)
        except ValueError:
            kind = source.codec_context.name
            raise OutputError(
                f"a file of the kind {self._container.name} cannot hold {kind} sound: give --out a name in .mkv"
            ) from None

    def _encodable(self, frame: Frame, pixels: Pixels | None) -> av.VideoFrame:
        """The picture in the encoder's layout, as it was decoded if nothing was drawn and it is upright."""
        size = (self._video.width, self._video.height)
        if pixels is None and frame.orientation == UPRIGHT and frame.size == size:
            return frame.picture.reformat(format="yuv420p")
        if pixels is None:
            pixels = frame.pixels()
        rgb = av.VideoFrame.from_ndarray(_padded(pixels, *size), "rgb24")
        return rgb.reformat(
            format="yuv420p",
            dst_colorspace=self._info.colours.matrix,
            dst_color_range=self._info.colours.range or None,
            interpolation="FAST_BILINEAR",
        )


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """Let FFmpeg's refusal to write look like the operating system's, which is what stands behind it."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _even(length_px: int) -> int:
    """Chroma at half resolution wants even sides."""
    return length_px + length_px % 2


def _padded(pixels: Pixels, width: int, height: int) -> Pixels:
    """Repeat the last row and column of pictures with an odd side."""
    grow_y, grow_x = height - pixels.shape[0], width - pixels.shape[1]
    return np.pad(pixels, ((0, grow_y), (0, grow_x), (0, 0)), mode="edge") if grow_x or grow_y else pixels
