import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nobodies.errors import InputError, OutputError
from nobodies.training import building
from nobodies.training.building import (
    BuildSettings,
    build,
    class_by_folder,
    class_by_table,
    look_of,
    read_report,
    sharpness,
)
from nobodies.training.dataset import PictureDataset
from tests.training.conftest import draw_pictures


def build_all(source: Path, out: Path, **options: Any) -> building.BuildReport:
    settings = options.pop("settings", BuildSettings(resolution=16))
    steps = list(build(source, out, settings, **options))
    assert steps[-1][0] == steps[-1][1]
    return read_report(out)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    draw_pictures(tmp_path / "source" / "a", count=3, side=40)
    draw_pictures(tmp_path / "source" / "b", count=2, side=24)
    (tmp_path / "source" / "b" / "copy.png").write_bytes((tmp_path / "source" / "a" / "000.png").read_bytes())
    Image.new("RGB", (60, 50), "grey").save(tmp_path / "source" / "b" / "flat.png")
    (tmp_path / "source" / "b" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (tmp_path / "source" / "note.txt").write_text("no picture")
    return tmp_path / "source"


def test_a_dataset_that_can_be_trained_on(source: Path, tmp_path: Path) -> None:
    report = build_all(source, tmp_path / "faces.zip", licence="CC0")
    assert (report.num_sources, report.num_pictures, dict(report.rejects)) == (8, 7, {"broken": 1})
    assert report.licence == "CC0"
    dataset = PictureDataset(tmp_path / "faces.zip")
    assert (len(dataset), dataset.resolution, dataset.img_channels) == (7, 16, 3)
    with zipfile.ZipFile(tmp_path / "faces.zip") as archive:
        assert archive.namelist()[0] == "00000/img00000000.png"
        assert json.loads(archive.read("dataset.json")) == {"labels": None}
    with Image.open(tmp_path / "faces.zip.sheet.jpg") as sheet:
        assert sheet.width > 16
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_rejects(source: Path, tmp_path: Path) -> None:
    settings = BuildSettings(resolution=16, min_face=30, min_sharpness=5.0, dedupe=True)
    report = build_all(source, tmp_path / "faces.zip", settings=settings)
    assert dict(report.rejects) == {"broken": 1, "too small": 2, "blurred": 1, "duplicate": 1}
    assert report.num_pictures == 3


def test_labels_from_folders_and_tables(source: Path, tmp_path: Path) -> None:
    report = build_all(source, tmp_path / "folders.zip", classes=class_by_folder)
    assert report.num_classes == 2
    labels = PictureDataset(tmp_path / "folders.zip", use_labels=True).labels
    assert labels is not None
    assert labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    (tmp_path / "labels.csv").write_text("a/000.png,smiling\n")
    with pytest.raises(InputError, match=r"no class for a/001\.png"):
        build_all(source, tmp_path / "table.zip", classes=class_by_table(tmp_path / "labels.csv"))


def test_a_stopped_build_continues_where_it_was(source: Path, tmp_path: Path) -> None:
    out, settings = tmp_path / "faces.zip", BuildSettings(resolution=16)
    stopped = build(source, out, settings, workers=1)
    next(stopped)
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]
    assert not out.exists()
    with (tmp_path / ".faces.zip.work" / "journal.jsonl").open("a") as journal:
        journal.write('{"name": "a/0')  # what a kill leaves
    assert next(build(source, out, settings, workers=1))[0] == 3
    assert build_all(source, out).num_pictures == 7
    build_all(source, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes()[:2000] == out.read_bytes()[:2000]


def test_other_settings_begin_anew(source: Path, tmp_path: Path) -> None:
    stopped = build(source, tmp_path / "faces.zip", BuildSettings(resolution=16), workers=1)
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]
    assert next(build(source, tmp_path / "faces.zip", BuildSettings(resolution=8), workers=1))[0] == 1


def test_a_cutter_decides_what_is_taken(source: Path, tmp_path: Path) -> None:
    def halves(image: Image.Image) -> list[Image.Image]:
        middle = image.width // 2
        parts = [image.crop((0, 0, middle, image.height)), image.crop((middle, 0, image.width, image.height))]
        return parts if image.width == 40 else []

    report = build_all(source, tmp_path / "faces.zip", cut=halves)
    assert report.num_pictures == 8  # two halves of the three pictures in a, and of the copy
    assert report.rejects["no face"] == 3


def test_grey_sources_stay_grey(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "grey", count=2, side=20, mode="L")
    build_all(tmp_path / "grey", tmp_path / "grey.zip")
    assert PictureDataset(tmp_path / "grey.zip").img_channels == 1
    build_all(tmp_path / "grey", tmp_path / "rgb.zip", settings=BuildSettings(resolution=16, colour="rgb"))
    assert PictureDataset(tmp_path / "rgb.zip").img_channels == 3


def test_refusals(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    for name, message in (("empty", "holds no pictures"), ("nowhere", "no folder, zip, picture or video")):
        with pytest.raises(InputError, match=message):
            build_all(tmp_path / name, tmp_path / "out.zip")
    with pytest.raises(InputError, match="7 too small"):
        build_all(source, tmp_path / "out.zip", settings=BuildSettings(resolution=16, min_face=1000))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OutputError, match="disk is full"):
        build_all(source, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_looks_and_sharpness() -> None:
    y, x = np.mgrid[:32, :32]
    pixels = (127 + 60 * np.sin(x / 3 + y / 9) + 40 * np.cos(y / 5)).astype(np.uint8)
    image = Image.fromarray(pixels)
    look = look_of(image)
    assert (look ^ look_of(image.resize((64, 64), Image.Resampling.BICUBIC))).bit_count() <= 2
    assert (look ^ look_of(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))).bit_count() > 16
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    assert sharpness(pixels) < sharpness(noise) / 10


def test_a_frame_a_second_is_taken_from_videos(tmp_path: Path) -> None:
    from tests.imaging.clips import corners, write_clip

    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "clip.mp4", lambda _: corners(), num_frames=25)
    (tmp_path / "in" / "broken.mp4").write_bytes(b"no video")
    report = build_all(tmp_path / "in", tmp_path / "faces.zip")
    assert report.num_pictures == 3  # 25 frames at ten a second
    assert sum(report.rejects.values()) == 1
