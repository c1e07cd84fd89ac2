import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobodies import batch
from nobodies.batch import FolderJob, Manifest, Order, orders_from_codes, orders_from_seeds, write_sheet
from nobodies.errors import OutputError, SettingError
from nobodies.files import write_atomic
from nobodies.generator import Generator
from nobodies.imaging import xmp_of
from nobodies.provenance import is_marked
from nobodies.settings import FaceSettings, PictureSettings


def _todo(job: FolderJob, orders: list[Order]) -> list[Order]:
    return [order for order in orders if not job.finished(order)]


@pytest.fixture
def orders() -> list[Order]:
    return list(orders_from_seeds(range(1, 8)))


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_faces_land_in_the_folder_in_order(generator: Generator, tmp_path: Path, orders: list[Order]) -> None:
    job = FolderJob(generator, tmp_path / "new", picture=PictureSettings(format="png"), manifest=True)
    made = list(job.run(orders, jobs=3))
    assert [each.seed for each in made] == list(range(1, 8))
    for each in made:
        assert hashlib.sha256(each.path.read_bytes()).hexdigest() == each.sha256
        with Image.open(each.path) as image:
            assert np.array_equal(np.asarray(image), generator.face(each.seed).pixels)
    entries = [json.loads(line) for line in (tmp_path / "new" / "manifest.jsonl").read_text().splitlines()]
    assert [(entry["file"], entry["sha256"]) for entry in entries] == [(each.path.name, each.sha256) for each in made]
    assert all(entry["recipe"]["model"] == "tiny" for entry in entries)


@pytest.mark.parametrize("after", range(8))
def test_stopped_anywhere_it_goes_on_where_it_was(
    generator: Generator, tmp_path: Path, orders: list[Order], after: int
) -> None:
    first = FolderJob(generator, tmp_path, manifest=True).run(orders, jobs=2)
    for _ in range(after):
        next(first)
    first.close()  # type: ignore[attr-defined]
    job = FolderJob(generator, tmp_path, manifest=True)
    todo = _todo(job, orders)
    assert len(todo) <= len(orders) - after
    assert [each.seed for each in job.run(todo)] == [order.seed for order in todo]
    assert _todo(job, orders) == []
    assert _names(tmp_path) == {f"face-{seed}.jpg" for seed in range(1, 8)} | {"manifest.jsonl"}
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["seed"] for line in lines) == list(range(1, 8))


def test_a_full_disk_keeps_what_is_finished(
    generator: Generator, tmp_path: Path, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = FolderJob(generator, tmp_path, manifest=True)
    written = write_atomic

    def full_at_4(path: Path, data: bytes) -> None:
        if path.name == "face-4.jpg":
            raise OutputError(f"cannot write {path}: the disk is full")
        written(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "write_atomic", full_at_4)
        with pytest.raises(OutputError, match="disk is full"):
            list(job.run(orders, jobs=1))
    assert {"face-1.jpg", "face-2.jpg", "face-3.jpg", "manifest.jsonl"} <= _names(tmp_path)
    assert "face-4.jpg" not in _names(tmp_path)
    again = FolderJob(generator, tmp_path, manifest=True)
    list(again.run(_todo(again, orders)))
    assert _todo(again, orders) == []


def test_an_error_while_drawing_keeps_what_is_finished(generator: Generator, tmp_path: Path) -> None:
    def failing() -> Iterator[Order]:
        yield from orders_from_seeds([1, 2])
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        list(FolderJob(generator, tmp_path, manifest=True).run(failing()))
    names = {json.loads(line)["file"] for line in (tmp_path / "manifest.jsonl").read_text().splitlines()}
    assert names == _names(tmp_path) - {"manifest.jsonl"}


@pytest.mark.parametrize(
    "other", [FaceSettings(psi=0.5), FaceSettings(cutoff=3), FaceSettings(noise="none"), PictureSettings(size_px=16)]
)
def test_a_file_made_otherwise_is_not_touched(
    generator: Generator, tmp_path: Path, other: FaceSettings | PictureSettings
) -> None:
    order = Order("face-1", seed=1)
    list(FolderJob(generator, tmp_path).run([order]))
    before = (tmp_path / "face-1.jpg").read_bytes()
    face = other if isinstance(other, FaceSettings) else None
    picture = other if isinstance(other, PictureSettings) else None
    with pytest.raises(OutputError, match="choose another folder or --overwrite"):
        FolderJob(generator, tmp_path, face=face, picture=picture).finished(order)
    assert (tmp_path / "face-1.jpg").read_bytes() == before
    job = FolderJob(generator, tmp_path, face=face, picture=picture, overwrite=True)
    list(job.run(_todo(job, [order])))
    assert (tmp_path / "face-1.jpg").read_bytes() != before


@pytest.mark.parametrize("content", [b"", b"somebody's notes", b"\xff\xd8\xff\xe0"])
def test_a_file_that_is_not_ours_is_not_touched(generator: Generator, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "face-1.jpg").write_bytes(content)
    with pytest.raises(OutputError, match="not made by this command"):
        FolderJob(generator, tmp_path).finished(Order("face-1", seed=1))


def test_a_file_changed_since_is_noticed(generator: Generator, tmp_path: Path) -> None:
    order = Order("face-1", seed=1)
    list(FolderJob(generator, tmp_path, manifest=True).run([order]))
    with (tmp_path / "face-1.jpg").open("ab") as file:
        file.write(b"x")
    with pytest.raises(OutputError, match="has changed"):
        FolderJob(generator, tmp_path, manifest=True).finished(order)


def test_a_manifest_torn_by_a_kill_is_mended(generator: Generator, tmp_path: Path, orders: list[Order]) -> None:
    job = FolderJob(generator, tmp_path, manifest=True)
    list(job.run(orders))
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    job = FolderJob(generator, tmp_path, manifest=True)
    for order in orders:
        made = job.finished(order)
        assert made is not None
        job.note(made)
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 7


def test_the_last_line_about_a_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text('{"file": "a", "sha256": "1"}\n{"file": "a", "sha256": "2"}\nnull\n[]\n')
    assert Manifest(path).checksum("a") == "2"
    assert len(path.read_text().splitlines()) == 2


def test_codes_are_numbered_and_known_by_their_checksum(generator: Generator, tmp_path: Path) -> None:
    ws = np.stack([generator.w(1), generator.w(2)])
    orders = list(orders_from_codes(ws, "w"))
    job = FolderJob(generator, tmp_path, face=FaceSettings(psi=1.0))
    list(job.run(orders))
    assert _names(tmp_path) == {"w-0000.jpg", "w-0001.jpg"}
    assert _todo(job, orders) == []
    with pytest.raises(OutputError, match="w_sha256"):
        job.finished(Order("w-0000", ws=ws[1]))


def test_a_size_the_model_does_not_make_is_refused_before_anything(generator: Generator, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="up to 32 px"):
        FolderJob(generator, tmp_path / "new", picture=PictureSettings(size_px=64))
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_shows_the_first_hundred_and_is_marked(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_ON_SHEET", 3)
    paths = [each.path for each in FolderJob(generator, tmp_path).run(orders_from_seeds(range(5)))]
    assert write_sheet(paths, tmp_path / "sheet.jpg") == 3
    with Image.open(tmp_path / "sheet.jpg") as image:
        assert image.size == (2 * 256 + 4, 2 * 256 + 4)
        xmp = xmp_of(image)
    assert xmp is not None
    assert is_marked(xmp)
