"""Tiny videos for tests, made on the spot."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Draw = Callable[[int], Pixels]

RATE = 10
SOUND_RATE = 8000
ONE = 1 << 16  # 1.0 in the display matrix


def corners(width: int = 64, height: int = 48) -> Pixels:
    """Red at the top left, green at the top right, blue at the bottom left, dark at the bottom right."""
    picture = np.full((height, width, 3), 40, np.uint8)
    picture[: height // 2, : width // 2] = (200, 40, 40)
    picture[: height // 2, width // 2 :] = (40, 200, 40)
    picture[height // 2 :, : width // 2] = (40, 40, 200)
    return picture


def squares(*places: tuple[int, int], size_px: int = 24, width: int = 160, height: int = 120) -> Pixels:
    """Grey with one square for each person, its top left corner at (x, y): the first red, the second green."""
    picture = np.full((height, width, 3), 90, np.uint8)
    for colour, (x, y) in zip([(230, 20, 20), (20, 230, 20)], places, strict=False):
        picture[max(y, 0) : y + size_px, max(x, 0) : x + size_px] = colour
    return picture


def striped(*places: tuple[int, int], size_px: int = 48, width: int = 240, height: int = 120) -> Pixels:
    """The same with large squares, whose rows are bright and dim in turn, two by two: details that can be hidden."""
    picture = squares(*places, size_px=size_px, width=width, height=height)
    dim = np.arange(height) % 4 < 2
    stripes = (picture.max(axis=2) > 200) & dim[:, None]
    picture[stripes] = picture[stripes] * 0.75
    return picture


def write_clip(
    path: Path,
    draw: Draw = lambda index: corners(),
    *,
    num_frames: int = 10,
    times: Sequence[int] | None = None,
    sound: str | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    colours: int | None = None,
) -> Path:
    """Encode frames.

    Args:
        path: its suffix chooses the container.
        draw: gives the picture of each frame.
        num_frames: how many.
        times: of the frames, in tenths of a second; evenly spaced if None.
        sound: codec of a tone of the clip's length; None for no sound.
        codec: of the pictures.
        pixel_format: that the codec takes.
        colours: FFmpeg's number of the colour space to encode in and to note in the file.
    """
    with av.open(str(path), "w") as file:
        first = draw(0)
        video = file.add_stream(codec, rate=RATE, options={"crf": "10"} if codec == "libx264" else {})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = first.shape[1], first.shape[0], pixel_format
        if colours is not None:
            video.codec_context.colorspace = colours
        if sound is not None:
            tone = file.add_stream(sound, rate=SOUND_RATE)
            assert isinstance(tone, av.AudioStream)
            tone.layout = "mono"
        else:
            tone = None
        for index in range(num_frames):
            rgb = av.VideoFrame.from_ndarray(draw(index), "rgb24")
            frame = rgb.reformat(format=pixel_format, dst_colorspace=colours)
            frame.pts, frame.time_base = (times[index] if times else index), Fraction(1, RATE)
            file.mux(video.encode(frame))
            if tone is not None:
                file.mux(tone.encode(_tone(index, tone.format.name)))
        file.mux(video.encode(None))
        if tone is not None:
            file.mux(tone.encode(None))
    return path


def _tone(index: int, layout: str) -> av.AudioFrame:
    num_samples = SOUND_RATE // RATE
    time_s = (index * num_samples + np.arange(num_samples)) / SOUND_RATE
    wave = 0.2 * np.sin(2 * np.pi * 440 * time_s)[None]
    samples = wave.astype(np.float32) if layout == "fltp" else (wave * 32767).astype(np.int16)
    tone = av.AudioFrame.from_ndarray(samples, layout, "mono")
    tone.sample_rate, tone.pts, tone.time_base = SOUND_RATE, index * num_samples, Fraction(1, SOUND_RATE)
    return tone


def write_sound(path: Path) -> Path:
    """Encode a tone alone."""
    with av.open(str(path), "w") as file:
        tone = file.add_stream("aac", rate=SOUND_RATE)
        assert isinstance(tone, av.AudioStream)
        tone.layout = "mono"
        for index in range(10):
            file.mux(tone.encode(_tone(index, "fltp")))
        file.mux(tone.encode(None))
    return path


def turn(path: Path, a: float, b: float, c: float, d: float) -> Path:
    """Write a display matrix into the header of an .mp4, as a phone held sideways does (ISO/IEC 14496-12, 'tkhd')."""
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd") + 4
    version = content[header]
    matrix = header + 4 + (32 if version else 20) + 16
    values = [round(each * ONE) for each in (a, b, 0, c, d, 0, 0, 0)]
    content[matrix : matrix + 36] = struct.pack(">9i", *values, 1 << 30)
    path.write_bytes(content)
    return path


def sound_packets(path: Path) -> list[bytes]:
    """The encoded sound of a file, packet by packet."""
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def frame_times(path: Path) -> list[float]:
    """Time of every frame of a file, in seconds."""
    with av.open(str(path)) as file:
        return [round(frame.time, 4) for frame in file.decode(video=0)]


def pictures(path: Path) -> list[Pixels]:
    """Every frame of a file, as RGB."""
    with av.open(str(path)) as file:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in file.decode(video=0)]
