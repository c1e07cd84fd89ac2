import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobodies.errors import InputError
from nobodies.training.dataset import PictureDataset
from tests.training.conftest import draw_pictures, zip_of


def test_zip_and_folder_hold_the_same(pictures: Path, tmp_path: Path) -> None:
    folder, archive = PictureDataset(pictures), PictureDataset(zip_of(pictures, tmp_path / "p.zip"))
    assert len(folder) == len(archive) == 12
    assert np.array_equal(folder.batch([3, 1]), archive.batch([3, 1]))
    with Image.open(pictures / "003.png") as image:
        assert np.array_equal(folder.picture(3).transpose(1, 2, 0), np.asarray(image))


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_channels_follow_the_first_picture(tmp_path: Path, mode: str, channels: int) -> None:
    dataset = PictureDataset(draw_pictures(tmp_path, mode=mode))
    assert dataset.batch([0, 5]).shape == (2, channels, 8, 8)


def test_the_cache_has_a_limit(pictures: Path) -> None:
    dataset = PictureDataset(pictures, cache_bytes=3 * 64 * 2)
    for index in range(12):
        dataset.picture(index)
    assert len(dataset._cache) == 2


def test_labels(tmp_path: Path) -> None:
    dataset = PictureDataset(draw_pictures(tmp_path, classes=3), use_labels=True)
    labels = dataset.one_hot([0, 4])
    assert labels is not None
    assert labels.tolist() == [[1, 0, 0], [0, 1, 0]]


def break_one(folder: Path) -> None:
    (folder / "005.png").write_bytes(b"\x89PNG no picture")


def another_size(folder: Path) -> None:
    Image.new("RGB", (16, 16)).save(folder / "005.png")


@pytest.mark.parametrize(("spoil", "message"), [(break_one, "005.png is broken"), (another_size, "16x16")])
def test_a_bad_picture_is_named(pictures: Path, spoil: object, message: str) -> None:
    spoil(pictures)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        PictureDataset(pictures).batch(list(range(12)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ('{"labels": [["000.png", 1]]}', "11 of 12 pictures have no label"),
        ('{"labels": [["000.png", -1]]}', "no class number"),
        ('{"labels": [["000.png", true]]}', "no class number"),
        ('{"classes": []}', "cannot be read"),
        ("]", "cannot be read"),
    ],
)
def test_labels_that_do_not_match(pictures: Path, labels: str, message: str) -> None:
    (pictures / "dataset.json").write_text(labels)
    with pytest.raises(InputError, match=message):
        PictureDataset(pictures, use_labels=True)


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "no.zip").write_bytes(b"not a zip")
    Image.new("RGB", (8, 16)).save(draw_pictures(tmp_path / "oblong") / "000.png")
    (draw_pictures(tmp_path / "unlabelled") / "dataset.json").unlink()
    for name, labels, message in (
        ("empty", False, "holds no pictures"),
        ("nowhere", False, "does not exist"),
        ("no.zip", False, "not a zip"),
        ("oblong", False, "power of two"),
        ("unlabelled", True, "no dataset.json"),
    ):
        with pytest.raises(InputError, match=message):
            PictureDataset(tmp_path / name, use_labels=labels)


def test_official_layout_is_read(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "00000", count=3)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [[f"00000/{i:03d}.png", i] for i in range(3)]}))
    dataset = PictureDataset(tmp_path, use_labels=True)
    assert dataset.names[0] == "00000/000.png"
    assert dataset.num_classes == 3
