import logging
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from nobodies.errors import InputError
from nobodies.imaging import video_reader
from nobodies.imaging.video_reader import open_camera, open_video
from tests.imaging.clips import corners, write_clip, write_sound


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi", ".ts", ".webm"])
def test_reads_every_frame_with_its_time(tmp_path: Path, suffix: str) -> None:
    codec = {".avi": "mpeg4", ".webm": "libvpx-vp9"}.get(suffix, "libx264")
    clip = write_clip(tmp_path / f"clip{suffix}", num_frames=12, codec=codec)
    with open_video(clip) as video:
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(12))
    # Transport streams begin at 1.4 s and more; what is read begins at nought.
    assert [frame.time_s for frame in frames] == pytest.approx([index / 10 for index in range(12)], abs=0.002)
    assert (video.info.width, video.info.height) == (64, 48)
    assert float(video.info.rate) == pytest.approx(10)
    np.testing.assert_allclose(frames[-1].pixels()[12, 16], (200, 40, 40), atol=25)


def test_keeps_a_varying_rate(tmp_path: Path) -> None:
    times = [0, 1, 5, 6, 20, 21]
    with open_video(write_clip(tmp_path / "clip.mkv", num_frames=6, times=times)) as video:
        assert [frame.time_s for frame in video] == pytest.approx([each / 10 for each in times], abs=0.002)


def test_sound_comes_with_the_frames(tmp_path: Path) -> None:
    with open_video(write_clip(tmp_path / "clip.mp4", sound="aac")) as video:
        frames = list(video)
        packets = [packet for frame in frames for packet in frame.sounds] + list(video.remaining_sounds())
    assert len(video.info.sounds) == 1
    assert [packet.pts for packet in packets] == sorted(packet.pts for packet in packets)
    assert sum(packet.duration for packet in packets) >= 8000


def test_frames_without_times_get_them_from_the_rate(tmp_path: Path) -> None:
    with open_video(write_clip(tmp_path / "clip.h264")) as video:
        times = [frame.time_s for frame in video]
    assert times == pytest.approx([index / 25 for index in range(10)])  # FFmpeg's guess for bare streams


def test_what_is_no_video_is_refused_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    (empty := tmp_path / "empty.mp4").touch()
    (text := tmp_path / "text.mp4").write_text("no video at all\n" * 100)
    for path in (tmp_path / "missing.mp4", folder, empty, text, write_sound(tmp_path / "sound.m4a")):
        with pytest.raises(InputError) as refused:
            open_video(path)
        assert path.name in str(refused.value)
        assert "\n" not in str(refused.value)


def test_sound_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as tone:
        tone.setnchannels(1)
        tone.setsampwidth(2)
        tone.setframerate(8000)
        tone.writeframes(bytes(8000))
    with pytest.raises(InputError, match=r"tone\.wav"):
        open_video(tmp_path / "tone.wav")


def test_playlists_cannot_name_other_files(tmp_path: Path) -> None:
    secret = write_clip(tmp_path / "secret.mp4")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {secret.name}\n")
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:10,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    for name in ("list.mp4", "list.m3u8"):
        with pytest.raises(InputError, match="not a picture or a video that can be read"):
            open_video(tmp_path / name)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(Path("plain.mp4")).rename("http:clip.mp4")
    with open_video(Path("http:clip.mp4")) as video:
        assert len(list(video)) == 10


def test_a_cut_off_file_gives_what_it_holds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = write_clip(tmp_path / "clip.mkv", noise, num_frames=30)
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    with caplog.at_level(logging.WARNING), open_video(whole) as video:
        num_read = len(list(video))
    assert 5 < num_read < 27
    assert f"breaks off after {num_read} of about 30 frames" in caplog.text


def test_a_cut_off_file_without_index_is_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")  # its index stands at the end
    clip.write_bytes(clip.read_bytes()[:-400])
    with pytest.raises(InputError, match="invalid data"):
        open_video(clip)


def test_a_file_without_frames_is_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", noise)
    content = clip.read_bytes()
    with av.open(str(clip)) as file:
        first = next(packet.pos for packet in file.demux(video=0) if packet.size)
    assert first is not None
    clip.write_bytes(content[: first + 2])
    with pytest.raises(InputError, match="no frame that can be decoded"):
        open_video(clip)


def test_damage_in_the_middle_is_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = write_clip(tmp_path / "clip.mp4", noise, num_frames=20)
    content = bytearray(clip.read_bytes())
    with av.open(str(clip)) as file:
        place, size = next((p.pos, p.size) for p in file.demux(video=0) if p.duration and p.dts == 10 * p.duration)
    assert place is not None
    content[place + 4 : place + size] = b"\xff" * (size - 4)
    clip.write_bytes(content)
    with caplog.at_level(logging.WARNING), open_video(clip) as video:
        frames = list(video)
    assert 18 <= len(frames) <= 20
    assert "is damaged in" in caplog.text


def test_frames_that_are_too_large_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(video_reader, "MAX_FRAME_PIXELS", 64 * 48 - 1)
    with pytest.raises(InputError, match="frames of 64x48"):
        open_video(clip)


def test_an_animated_gif_is_a_video(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((20, 30, 3), 20 * index, np.uint8)) for index in range(5)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=200)
    with open_video(tmp_path / "clip.gif") as video:
        assert [frame.time_s for frame in video] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


def test_a_camera_that_is_not_there_is_one_line() -> None:
    with pytest.raises(InputError, match="camera 97 cannot be opened"):
        open_camera(97)


def test_a_camera_gives_frames_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # FFmpeg's test picture in the place of a camera.
    monkeypatch.setattr(video_reader, "camera_device", lambda number: ("testsrc=size=64x48:rate=20", "lavfi"))
    with open_camera(0) as video:
        frames = [frame for frame, _ in zip(video, range(30), strict=False)]
    assert frames[-1].time_s == pytest.approx(29 / 20)
    assert video.info.num_frames is None
    assert frames[0].pixels().shape == (48, 64, 3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=40), cut=st.integers(0, 100))
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, suffix: str, changes: list[tuple[int, int]], cut: int
) -> None:
    whole = tmp_path / f"whole{suffix}"
    if not whole.exists():
        write_clip(whole, codec="mpeg4", sound="pcm_s16le" if suffix == ".avi" else None)
    content = bytearray(whole.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    damaged = tmp_path / f"damaged{suffix}"
    damaged.write_bytes(content[: len(content) * cut // 100])
    try:
        with open_video(damaged) as video:
            for frame, _ in zip(video, range(50), strict=False):
                assert frame.pixels().shape == (video.info.height, video.info.width, 3)
    except InputError as refused:
        assert "\n" not in str(refused)  # noqa: PT017 - either outcome is right


def test_a_stream_that_changes_its_size_keeps_the_first(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.h264", num_frames=4)
    large = write_clip(tmp_path / "large.h264", lambda index: corners(128, 96), num_frames=4)
    (tmp_path / "both.h264").write_bytes(small.read_bytes() + large.read_bytes())
    with open_video(tmp_path / "both.h264") as video:
        frames = list(video)
    assert len(frames) == 8
    assert {frame.size for frame in frames} == {(64, 48)}
    np.testing.assert_allclose(frames[-1].pixels()[12, 16], (200, 40, 40), atol=25)


def test_a_stream_that_grows_too_large_on_the_way_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = write_clip(tmp_path / "small.h264", num_frames=4)
    large = write_clip(tmp_path / "large.h264", lambda index: corners(256, 192), num_frames=4)
    (tmp_path / "both.h264").write_bytes(small.read_bytes() + large.read_bytes())
    monkeypatch.setattr(video_reader, "MAX_FRAME_PIXELS", 128 * 128)
    with open_video(tmp_path / "both.h264") as video:
        # One or two frames that were still inside the decoder may be lost with what comes after them.
        assert 1 <= len(list(video)) <= 4


def noise(index: int) -> NDArray[np.uint8]:
    """Pictures that do not compress, so that a file's bytes are spread over its frames."""
    grain = np.random.default_rng(index).integers(0, 100, (48, 64, 3))
    return (corners() + grain).clip(0, 255).astype(np.uint8)
