import io
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies.cli import detect
from nobodies.imaging import video_reader
from tests.cli.conftest import Run
from tests.imaging.clips import frame_times, pictures, sound_packets, squares, striped, write_clip
from tests.imaging.test_video_writer import _file_size_limit
from tests.vision.stand_in import SquareFinder

Pixels = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def finder(monkeypatch: pytest.MonkeyPatch) -> SquareFinder:
    """A detector of red and green squares in the place of the real one."""
    stand_in = SquareFinder()
    monkeypatch.setattr(detect, "_finder", lambda: stand_in)
    return stand_in


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two people who walk past each other, with sound."""
    return write_clip(
        tmp_path / "clip.mp4", lambda i: squares((10 + 4 * i, 10), (120 - 4 * i, 70)), num_frames=20, sound="aac"
    )


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(squares((20, 30))).save(tmp_path / "person.png")
    return tmp_path / "person.png"


def records(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_video_gives_a_copy_and_a_line_for_every_frame(run: Run, tmp_path: Path, clip: Path) -> None:
    out, lines = tmp_path / "out.mp4", tmp_path / "faces.jsonl"
    code, printed, told = run("detect", clip, "--out", out, "--json", lines)
    assert (code, printed) == (0, "")
    assert told.endswith("20 frames, 2 people\n")
    assert frame_times(out) == frame_times(clip)
    assert sound_packets(out) == sound_packets(clip)
    found = records(lines.read_text())
    assert [each["frame"] for each in found] == list(range(20))
    assert [each["time_s"] for each in found] == pytest.approx([index / 10 for index in range(20)])
    for index, each in enumerate(found):
        faces = each["faces"]
        assert isinstance(faces, list)
        assert [face["track"] for face in faces] == [1, 2]
        assert {"box", "score", "keypoints", "evidence"} <= faces[0].keys()
        np.testing.assert_allclose(faces[0]["box"], (10 + 4 * index, 10, 34 + 4 * index, 34), atol=2)
        np.testing.assert_allclose(faces[1]["box"], (120 - 4 * index, 70, 144 - 4 * index, 94), atol=2)


def test_every_few_frames_are_looked_at_and_all_are_reported(
    run: Run, tmp_path: Path, clip: Path, finder: SquareFinder
) -> None:
    code, printed, _ = run("detect", clip, "--every", "5")
    assert code == 0
    assert len(finder.sizes) == 4
    evidence = [face["evidence"] for each in records(printed) for face in each["faces"]]  # type: ignore[attr-defined]
    assert evidence.count("seen") == 8
    assert evidence.count("between") == 2 * 12  # the four frames after the last look are held, not reported


@pytest.mark.parametrize("way", ["--blur", "--pixelate"])
@pytest.mark.parametrize("every", [1, 3, 6])
def test_no_face_shows_in_any_frame(run: Run, tmp_path: Path, way: str, every: int) -> None:
    clip = write_clip(tmp_path / "clip.mp4", lambda i: striped((10 + 5 * i, 5), (180 - 5 * i, 65)), num_frames=20)
    out = tmp_path / "out.mp4"
    assert run("detect", clip, "--out", out, way, "--every", every)[0] == 0
    for index, (before, after) in enumerate(zip(pictures(clip), pictures(out), strict=True)):
        for x, y in ((10 + 5 * index, 5), (180 - 5 * index, 65)):
            assert details(before, x, y) > 15
            assert details(after, x, y) < 5, f"frame {index}"


def details(pixels: Pixels, x: int, y: int) -> float:
    """How much the rows of a square at (x, y) differ from one to the next."""
    rows = pixels[y : y + 48, x : x + 48].astype(float).mean(axis=1)
    return float(np.abs(np.diff(rows, axis=0)).max(axis=1).mean())


def test_faces_stay_hidden_while_the_detector_is_blind(run: Run, tmp_path: Path, finder: SquareFinder) -> None:
    # Seen in frames 6 to 9 and 14 to 19 only; what comes before and between is hidden too.
    finder.blind = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13}
    clip = write_clip(tmp_path / "clip.mkv", lambda i: striped((40 + 2 * i, 50)), num_frames=20)
    out = tmp_path / "out.mkv"
    assert run("detect", clip, "--out", out, "--blur")[0] == 0
    hidden = [details(after, 40 + 2 * i, 50) < 5 for i, after in enumerate(pictures(out))]
    assert hidden == [False] + [True] * 19  # half a second, five frames, are known ahead


def test_drawn_copies_differ_by_what_is_drawn(run: Run, tmp_path: Path, clip: Path) -> None:
    seen = {}
    for way in ("--box", "--points", "--blur", "--pixelate"):
        assert run("detect", clip, "--out", tmp_path / "out.mp4", way)[0] == 0
        seen[way] = pictures(tmp_path / "out.mp4")[10]
    for first in seen:
        for second in seen:
            assert (np.abs(seen[first].astype(int) - seen[second]).max() > 15) == (first != second)


def test_a_video_can_be_cut_short(run: Run, tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out.mp4"
    assert run("detect", clip, "--out", out, "--seconds", "0.75")[0] == 0
    assert len(frame_times(out)) == 8


def test_a_picture(run: Run, tmp_path: Path, picture: Path) -> None:
    code, printed, _ = run("detect", picture)
    assert code == 0
    (found,) = records(printed)
    assert (found["file"], found["width"], found["height"]) == ("person.png", 160, 120)
    assert [face["box"] for face in found["faces"]] == [[20, 30, 44, 54]]  # type: ignore[attr-defined]
    code, printed, _ = run("detect", picture, "--out", tmp_path / "copy.webp", "--pixelate")
    assert (code, printed) == (0, "")
    with Image.open(tmp_path / "copy.webp") as copy:
        assert copy.size == (160, 120)


def test_a_folder(run: Run, tmp_path: Path) -> None:
    (folder := tmp_path / "people").mkdir()
    for name in ("b.jpg", "a.png", "c.bmp"):
        Image.fromarray(squares((20, 30))).save(folder / name)
    (folder / "notes.txt").write_text("not a picture")
    code, _, _ = run("detect", folder, "--out", tmp_path / "copies", "--json", tmp_path / "faces.jsonl", "--blur")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == ["a.png", "b.jpg", "c.bmp.png"]
    assert [each["file"] for each in records((tmp_path / "faces.jsonl").read_text())] == ["a.png", "b.jpg", "c.bmp"]


def test_pictures_that_cannot_be_read_do_not_stop_a_folder(run: Run, tmp_path: Path, picture: Path) -> None:
    (tmp_path / "bad.png").write_bytes(picture.read_bytes()[:100])
    code, printed, told = run("detect", tmp_path)
    assert code == 2
    assert [each["file"] for each in records(printed)] == ["person.png"]
    assert re.search(r"bad\.png is .*\n(.*\n)*nobodies: 1 of 2 pictures .* could not be read", told)


def test_a_gif_is_a_picture_or_a_video_as_the_copy_asks(run: Run, tmp_path: Path) -> None:
    frames = [Image.fromarray(squares((20 + 5 * index, 30))) for index in range(5)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=200)
    assert len(records(run("detect", tmp_path / "clip.gif")[1])) == 1
    assert run("detect", tmp_path / "clip.gif", "--out", tmp_path / "out.mp4")[0] == 0
    assert len(frame_times(tmp_path / "out.mp4")) == 5


def test_what_cannot_be_done_is_one_line(run: Run, tmp_path: Path, clip: Path, picture: Path) -> None:
    (text := tmp_path / "text.mp4").write_text("not a video\n" * 50)
    (empty := tmp_path / "empty").mkdir()
    for arguments, expected in {
        (tmp_path / "missing.mp4",): "is not there",
        (text,): "not a picture or a video that can be read",
        (empty,): "holds no picture",
        (clip, "--blur"): "add --out FILE",
        (clip, "--out", clip): "the input itself",
        (clip, "--out", tmp_path / "out.txt"): "names no kind of video",
        (clip, "--out", tmp_path / "missing" / "out.mp4"): "cannot write",
        (clip, "--json", tmp_path / "missing" / "out.jsonl"): "cannot write",
        (clip, "--every", "0"): "every is 0",
        (clip, "--min-size", "1"): "min_size_px is 1",
        (clip, "--seconds", "0"): "seconds",
        (picture, "--out", tmp_path / "out.txt"): "names no picture format",
        ("camera:97",): "camera 97 cannot be opened",
        ("camera:front",): "names no camera",
    }.items():
        code, printed, told = run("detect", *arguments)
        assert (code, printed) == (2, ""), arguments
        assert told.startswith("nobodies: "), arguments
        assert told.count("\n") == 1, told
        assert expected in told
    assert {path.name for path in tmp_path.iterdir()} - {"cache"} == {"clip.mp4", "person.png", "text.mp4", "empty"}


def test_a_full_disk_is_one_line_and_leaves_nothing(run: Run, tmp_path: Path, clip: Path) -> None:
    with _file_size_limit(4000):
        code, _, told = run("detect", clip, "--out", tmp_path / "out.mkv")
    assert code == 2
    assert told.splitlines()[-1].startswith("nobodies: cannot write")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def _press_ctrl_c_once(after: threading.Event) -> threading.Thread:
    def press() -> None:
        assert after.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


@pytest.fixture
def seen_some(finder: SquareFinder, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the detector has looked ten times."""
    reached = threading.Event()
    look = finder.detect

    def counting(*arguments: object, **options: object) -> object:
        if len(finder.sizes) >= 10:
            reached.set()
        time.sleep(0.01)
        return look(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(finder, "detect", counting)
    return reached


def test_ctrl_c_ends_a_camera_and_keeps_the_recording(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen_some: threading.Event
) -> None:
    monkeypatch.setattr(video_reader, "camera_device", lambda number: ("testsrc=size=64x48:rate=20", "lavfi"))
    before = signal.getsignal(signal.SIGINT)
    pressing = _press_ctrl_c_once(seen_some)
    code, _, told = run("detect", "camera:0", "--out", tmp_path / "out.mp4", "--json", tmp_path / "faces.jsonl")
    pressing.join()
    assert code == 0
    num_frames = len(frame_times(tmp_path / "out.mp4"))
    assert num_frames >= 10
    assert len(records((tmp_path / "faces.jsonl").read_text())) == num_frames
    assert f"{num_frames} frames, " in told
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_gives_up_a_file_and_leaves_nothing(run: Run, tmp_path: Path, seen_some: threading.Event) -> None:
    clip = write_clip(tmp_path / "clip.mkv", lambda i: squares((20, 30)), num_frames=300)
    pressing = _press_ctrl_c_once(seen_some)
    code, _, told = run("detect", clip, "--out", tmp_path / "out.mkv", "--json", tmp_path / "faces.jsonl")
    pressing.join()
    assert code == 130
    assert told.endswith("nobodies: interrupted\n")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name or "faces" in path.name]
    assert not [thread for thread in threading.enumerate() if thread.name == "work-ahead"]


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb (apt install xvfb)")
def test_the_screen_is_watched(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "320x240x24", "-noreset", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert isinstance(server.stdout, io.TextIOWrapper)
        monkeypatch.setenv("DISPLAY", ":" + server.stdout.readline().strip())
        code, _, _ = run("detect", "screen:10,10,100,80", "--out", tmp_path / "out.mp4", "--seconds", "0.5")
        server.terminate()
    assert code == 0
    assert pictures(tmp_path / "out.mp4")[0].shape == (80, 100, 3)
