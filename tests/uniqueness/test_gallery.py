import io
import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobodies.errors import InputError
from nobodies.uniqueness import gallery as rooms
from nobodies.uniqueness.gallery import Gallery
from tests.uniqueness.conftest import fingerprint_embedding

pytestmark = pytest.mark.usefixtures("fingerprints")


def picture(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (level, level, level)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    contents = {"b/2.png": picture(20), "a.png": picture(10), "notes.txt": b"no", "broken.jpg": b"no picture"}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return tmp_path / "g.zip"
    for name, content in contents.items():
        path = tmp_path / "g" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "g"


def test_pictures_are_read_in_order_of_their_names(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    gallery = Gallery.open(place)
    assert gallery.names == ("a.png", "b/2.png", "broken.jpg")
    with caplog.at_level(logging.WARNING):
        found = list(gallery.embeddings())
    wanted = fingerprint_embedding(np.full((16, 16, 3), 10, np.uint8))
    assert found[0] is not None
    assert wanted is not None
    np.testing.assert_array_equal(found[0], wanted)
    assert found[2] is None
    assert "broken.jpg is passed over" in caplog.text
    assert len(list(gallery.embeddings(2))) == 1


def test_an_entry_that_swells_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rooms, "MOST_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "g.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * 100_000)
    assert list(Gallery.open(tmp_path / "g.zip").embeddings()) == [None]


def test_what_is_no_gallery_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    for place in (tmp_path / "a.txt", tmp_path / "missing"):
        with pytest.raises(InputError, match="neither a folder nor a zip"):
            Gallery.open(place)
    with pytest.raises(InputError, match="holds no picture"):
        Gallery.open(tmp_path)
