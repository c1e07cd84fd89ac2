from pathlib import Path

import numpy as np
import pytest

from nobodies.errors import OutputError
from nobodies.uniqueness import collection as rooms
from nobodies.uniqueness.collection import Collection
from tests.uniqueness.test_neighbours import embeddings


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "PART_ROWS", 10)


def test_stopped_anywhere_it_goes_on_where_it_was(tmp_path: Path) -> None:
    rows = embeddings(37)
    for stop_after in (13, 3, 12):
        collection = Collection(tmp_path, {"psi": 0.7})
        taking = collection.extend(rows[len(collection) :])
        for _ in range(stop_after):
            next(taking)
        taking.close()  # type: ignore[attr-defined]
    collection = Collection(tmp_path, {"psi": 0.7})
    assert len(collection) == 20, "whole parts are kept, the rest is asked for again"
    assert list(collection.extend(rows[20:])) == list(range(21, 38))
    np.testing.assert_array_equal(Collection(tmp_path, {"psi": 0.7}).rows(), rows)


def test_a_picture_without_a_face_keeps_its_place(tmp_path: Path) -> None:
    rows = embeddings(3)
    collection = Collection(tmp_path, {})
    list(collection.extend([rows[0], None, rows[2]]))
    kept = collection.rows()
    assert np.isnan(kept[1]).all()
    np.testing.assert_array_equal(kept[2], rows[2])


@pytest.mark.parametrize("counts", [(3, 3), (3, 0, 7, 1), (10, 4), (13, 20)])
def test_more_can_follow_a_short_part(tmp_path: Path, counts: tuple[int, ...]) -> None:
    rows = embeddings(sum(counts))
    for count in counts:
        collection = Collection(tmp_path, {})
        start = len(collection)
        assert list(collection.extend(rows[start : start + count])) == list(range(start + 1, start + count + 1))
        np.testing.assert_array_equal(collection.rows(), rows[: start + count])
    np.testing.assert_array_equal(Collection(tmp_path, {}).rows(), rows)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    Collection(tmp_path, {"psi": 0.7})
    with pytest.raises(OutputError, match="another collection"):
        Collection(tmp_path, {"psi": 1.0})
    (tmp_path / "collection.json").write_text("{")
    with pytest.raises(OutputError, match="another collection"):
        Collection(tmp_path, {"psi": 0.7})


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    list(Collection(tmp_path, {}).extend(embeddings(10)))
    (tmp_path / "part-00000.npy").write_bytes(b"no array")
    with pytest.raises(OutputError, match=r"part-00000\.npy is damaged"):
        Collection(tmp_path, {}).rows()
