import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.errors import OutputError
from nobodies.imaging.video_reader import open_video
from nobodies.imaging.video_writer import writing_video
from tests.imaging.clips import corners, frame_times, pictures, sound_packets, turn, write_clip
from tests.imaging.test_video_reader import noise

Pixels = NDArray[np.uint8]


def copy(source: Path, out: Path, *, through_rgb: bool = True) -> Path:
    with open_video(source) as video, writing_video(out, video.info) as writer:
        for frame in video:
            writer.write(frame, frame.pixels() if through_rgb else None)
        writer.write_sounds(video.remaining_sounds())
    return out


@pytest.mark.parametrize("through_rgb", [True, False])
@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm"])
def test_a_copy_has_the_same_frames_at_the_same_times(tmp_path: Path, suffix: str, through_rgb: bool) -> None:
    times = [0, 1, 2, 3, 7, 8, 15, 16]
    clip = write_clip(tmp_path / "clip.mkv", num_frames=8, times=times)
    out = copy(clip, tmp_path / f"copy{suffix}", through_rgb=through_rgb)
    assert frame_times(out) == pytest.approx([each / 10 for each in times], abs=0.002)
    for before, after in zip(pictures(clip), pictures(out), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 4
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([clip.name, out.name])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sound_is_copied_to_the_byte(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", sound="aac", num_frames=20)
    out = copy(clip, tmp_path / f"copy{suffix}")
    assert sound_packets(out) == sound_packets(clip)
    with av.open(str(clip)) as before, av.open(str(out)) as after:
        first, second = before.streams.audio[0], after.streams.audio[0]
        assert (first.codec_context.name, first.rate) == (second.codec_context.name, second.rate)


def test_sound_stays_in_step_when_the_file_begins_late(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", sound="aac", num_frames=20)
    out = copy(clip, tmp_path / "copy.mkv")

    def offset(path: Path) -> float:
        with av.open(str(path)) as file:
            starts = {each.type: (each.start_time or 0) * float(each.time_base or 1) for each in file.streams}
        return starts["audio"] - starts["video"]

    assert offset(out) == pytest.approx(offset(clip), abs=0.01)


def test_sound_that_does_not_fit_is_refused_before_any_work(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", sound="aac")
    with pytest.raises(OutputError, match=r"cannot hold aac sound: give --out a name in \.mkv"):
        copy(clip, tmp_path / "copy.webm")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_turned_video_is_written_upright(tmp_path: Path) -> None:
    clip = turn(write_clip(tmp_path / "clip.mp4"), 0, 1, -1, 0)
    for through_rgb in (True, False):
        picture = pictures(copy(clip, tmp_path / "copy.mp4", through_rgb=through_rgb))[0]
        assert picture.shape == (64, 48, 3)
        np.testing.assert_allclose(picture[16, 36], (200, 40, 40), atol=25)


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (63, 47)])
def test_odd_sides_grow_by_a_repeated_row(tmp_path: Path, size: tuple[int, int]) -> None:
    source = write_clip(tmp_path / "clip.gif", lambda index: corners(*size), codec="gif", pixel_format="rgb8")
    picture = pictures(copy(source, tmp_path / "copy.mp4"))[0]
    assert picture.shape == (48, 64, 3)
    np.testing.assert_allclose(picture[-1, 10], (40, 40, 200), atol=45)  # a GIF's colours are coarse
    np.testing.assert_allclose(picture[10, -1], (40, 200, 40), atol=45)


@pytest.mark.parametrize("space", [1, 6])
def test_colours_come_back_as_they_were(tmp_path: Path, space: int) -> None:
    clip = write_clip(tmp_path / "clip.mkv", colours=space)
    out = copy(clip, tmp_path / "copy.mkv")
    with av.open(str(out)) as file:
        assert next(file.decode(video=0)).colorspace == space
    for before, after in zip(_planes(clip), _planes(out), strict=True):
        assert abs(float(before.mean()) - float(after.mean())) < 1


def _planes(path: Path) -> list[Pixels]:
    with av.open(str(path)) as file:
        planes = np.asarray(next(file.decode(video=0)).to_ndarray(), np.uint8)
        return [planes[start:end] for start, end in ((0, 48), (48, 60), (60, 72))]


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(OutputError, match=r"'copy\.txt' names no kind of video"):
        copy(clip, tmp_path / "copy.txt")


def test_an_interrupted_copy_leaves_the_old_file(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    (out := tmp_path / "copy.mp4").write_bytes(b"old")
    for interruption in (KeyboardInterrupt, ZeroDivisionError):
        with (  # noqa: PT012
            pytest.raises(interruption),
            open_video(clip) as video,
            writing_video(out, video.info) as writer,
        ):
            writer.write(next(iter(video)))
            raise interruption
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "copy.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / "clip.mkv", noise, num_frames=30)
    with _file_size_limit(20_000), pytest.raises(OutputError, match=f"cannot write .*copy{suffix}: ") as refused:
        copy(clip, tmp_path / f"copy{suffix}")
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv"]


@contextmanager
def _file_size_limit(limit_bytes: int) -> Iterator[None]:
    """Let the operating system refuse to write more, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(OutputError, match="cannot write"):
        copy(clip, tmp_path / "missing" / "copy.mp4")
