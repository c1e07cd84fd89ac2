"""Read a video from a file or a camera, once, from its beginning to its end."""

import logging
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av

from nobodies.errors import InputError
from nobodies.imaging.video import MAX_FRAME_PIXELS, Colours, Frame, VideoInfo, orientation

log = logging.getLogger(__name__)

# Only formats that carry their own pictures. Playlists (hls, dash, concat) are left out on purpose: they make
# FFmpeg open whatever other files and addresses they name.
FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,apng,h264,hevc,ivf,m4v,obu,wtv,yuv4mpegpipe"
_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "export_xmp": "1"}
_MICROSECONDS = 1_000_000
_WHOLE = 0.9  # of the frames that a file announces; fewer and something is missing
_FALLBACK_RATE = Fraction(25)


def open_video(path: Path) -> "VideoReader":
    """Open a video file.

    >>> with open_video(Path("party.mp4")) as video:       # doctest: +SKIP
    ...     for frame in video:
    ...         show(frame.time_s, frame.pixels())

    Args:
        path: a local file.

    Raises:
        InputError: it is not there, not a video, has no frame that can be decoded, is larger than
            MAX_FRAME_PIXELS, or is turned by an odd angle.
    """
    if not path.is_file():
        raise InputError(f"'{path}' is not a file: give a picture, a folder or a video")
    try:
        # "file:" keeps FFmpeg from taking a name with a colon for an address.
        container = av.open(f"file:{path}", options=_OPTIONS, metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(f"'{path}' is not a picture or a video that can be read ({_reason(error)})") from error
    return VideoReader(container, f"'{path}'")


def open_camera(number: int) -> "VideoReader":
    """Open a camera of this machine. Its frames have no end.

    Args:
        number: 0 for the first camera.

    Raises:
        InputError: there is no such camera, or another program holds it.
    """
    device, driver = camera_device(number)
    try:
        container = av.open(device, format=driver)
    except av.FFmpegError as error:
        raise InputError(
            f"camera {number} cannot be opened as {device} ({_reason(error)}): is it plugged in and free?"
        ) from error
    return VideoReader(container, f"camera {number}")


def camera_device(number: int) -> tuple[str, str]:
    """Name of a camera and of its driver, as FFmpeg knows them on this system."""
    if sys.platform == "darwin":
        return f"{number}:none", "avfoundation"
    if sys.platform == "win32":
        return f"video={number}", "dshow"
    return f"/dev/video{number}", "video4linux2,v4l2"


class VideoReader:
    """The frames and the sound of a video; see `open_video` and `open_camera`."""

    def __init__(self, container: av.container.InputContainer, name: str) -> None:
        self._name = name
        self._container = container
        try:
            self._stream = _video_stream(container, name)
            self._sounds = [each for each in container.streams.audio if each.codec_context is not None]
            self._rest: list[Any] = []
            self._num_damaged = 0
            self._pictures = self._decoded()
            self._first = self._first_picture()
            self.info = self._describe()
        except BaseException:
            container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or camera."""
        self._pictures.close()
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame in order of time. What is damaged is left out, with a warning in the log at the end."""
        turn = orientation(self._first)
        index = next_pts = 0
        for index, picture in enumerate(chain([self._first], self._pictures)):
            pts = max(self._pts(picture, index), next_pts)
            sounds, self._rest = tuple(self._rest), []
            yield Frame(index, float(pts * self.info.time_base), pts, self._sized(picture), turn, sounds)
            next_pts = pts + 1
        self._tell_losses(index + 1)

    def _tell_losses(self, num_read: int) -> None:
        expected = self.info.num_frames
        if self._num_damaged:
            log.warning("%s is damaged in %d places, which were left out", self._name, self._num_damaged)
        if expected is not None and num_read < _WHOLE * expected:
            log.warning("%s breaks off after %d of about %d frames", self._name, num_read, expected)

    @property
    def xmp(self) -> bytes | None:
        """The packet of metadata that the file carries, or None."""
        packet = self._container.metadata.get("xmp") or self._container.metadata.get("XMP")
        return packet.encode() if packet else None

    def remaining_sounds(self) -> tuple[Any, ...]:
        """Packets of sound after the last frame."""
        return tuple(self._rest)

    def _decoded(self) -> Generator[av.VideoFrame, None, None]:
        """Decode picture after picture; put packets of sound aside until the next picture takes them."""
        for packet in self._packets():
            if packet.stream.type == "audio":
                self._keep_sound(packet)
                continue
            try:
                for picture in packet.decode():
                    self._num_damaged += picture.is_corrupt
                    yield picture
            except av.FFmpegError as error:
                self._num_damaged += 1
                log.debug("%s: %s", self._name, error)

    def _packets(self) -> Iterator[Any]:
        """Demultiplex until the end, or until the file breaks off."""
        try:
            yield from self._container.demux(self._stream, *self._sounds)
        except av.FFmpegError as error:
            self._num_damaged += 1
            log.debug("%s: %s", self._name, error)

    def _keep_sound(self, packet: Any) -> None:
        if packet.dts is None:  # the empty packet that ends a stream
            return
        shift = self._start(packet.time_base)
        packet.dts -= shift
        packet.pts = packet.dts if packet.pts is None else packet.pts - shift
        self._rest.append(packet)

    def _pts(self, picture: av.VideoFrame, index: int) -> int:
        """Time of a picture in ticks from the start of the file; guessed from the rate where the file has none."""
        if picture.pts is None:
            return round(index / (self.info.rate * self.info.time_base))
        return max(0, picture.pts - self._start(self.info.time_base))

    def _sized(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Scale pictures of streams that change their size on the way to that of the first."""
        size = (self._first.width, self._first.height)
        return picture if (picture.width, picture.height) == size else picture.reformat(*size)

    def _start(self, time_base: Fraction) -> int:
        """When the file begins, in ticks. Transport streams seldom begin at nought."""
        start = self._container.start_time
        return 0 if start is None else round(Fraction(start, _MICROSECONDS) / time_base)

    def _first_picture(self) -> av.VideoFrame:
        picture = next(self._pictures, None)
        if picture is None:
            raise InputError(f"{self._name} has no frame that can be decoded: it may be cut off or damaged")
        return picture

    def _describe(self) -> VideoInfo:
        stream, first = self._stream, self._first
        rate = stream.average_rate or stream.guessed_rate or _FALLBACK_RATE
        turn = orientation(first)
        width, height = turn.upright_size(first.width, first.height)
        aspect = stream.codec_context.sample_aspect_ratio or Fraction(1)
        info = VideoInfo(
            width=width,
            height=height,
            time_base=stream.time_base or 1 / rate,
            rate=rate,
            num_frames=stream.frames or None,
            pixel_aspect=1 / aspect if turn.swap else aspect,
            colours=Colours(first.colorspace, first.color_range, first.color_primaries, first.color_trc),
            sounds=tuple(self._sounds),
        )
        return replace(info, num_frames=info.num_frames or self._estimated_length(rate))

    def _estimated_length(self, rate: Fraction) -> int | None:
        duration = self._container.duration
        return round(Fraction(duration, _MICROSECONDS) * rate) if duration else None


def _reason(error: av.FFmpegError) -> str:
    return (error.strerror or str(error)).lower()


def _video_stream(container: av.container.InputContainer, name: str) -> av.VideoStream:
    cover = av.stream.Disposition.attached_pic
    stream = next((each for each in container.streams.video if not each.disposition & cover), None)
    if stream is None:
        raise InputError(f"{name} holds no moving picture: give a picture, a folder or a video")
    if stream.codec_context is None:
        raise InputError(f"{name} holds a video of an unknown kind: convert it to H.264 first")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_FRAME_PIXELS:
        raise InputError(f"{name} has frames of {width}x{height}: at most {MAX_FRAME_PIXELS:,} pixels can be read")
    stream.codec_context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}  # a stream can grow on the way
    stream.thread_type = "AUTO"
    return stream
