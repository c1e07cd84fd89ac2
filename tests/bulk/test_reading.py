from pathlib import Path

import pytest

from nobodies.bulk.reading import MadeSet
from nobodies.bulk.recipe import Wanted
from nobodies.bulk.target import Target
from nobodies.errors import InputError
from nobodies.settings import PictureSettings, ShardKind, ShardSettings
from tests.bulk.conftest import MakeSet, recipe_of

PNG = PictureSettings(format="png")


def _made(make_set: MakeSet, folder: Path, kind: ShardKind = "webdataset") -> MadeSet:
    shards = ShardSettings(shards=kind, shard_mb=0.02)
    make_set(folder, Wanted(seeds="1-40"), recipe_of(shards=shards, picture=PNG))
    assert len(list(folder.glob("data/*"))) > 2
    return MadeSet(Target(str(folder)))


def test_pictures_come_in_order_from_any_face_on(make_set: MakeSet, tmp_path: Path) -> None:
    made = _made(make_set, tmp_path)
    pictures = list(made.pictures())
    assert [seed for seed, _ in pictures] == list(range(1, 41))
    assert all(data.startswith(b"\x89PNG") for _, data in pictures)
    assert len(made) == 40
    for start in range(0, 45, 4):
        assert list(made.pictures(start)) == pictures[start:]


def test_either_kind_of_shard_gives_the_same_pictures(make_set: MakeSet, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    one, other = (_made(make_set, tmp_path / kind, kind) for kind in ("webdataset", "parquet"))
    assert list(one.pictures()) == list(other.pictures())
    assert one.fingerprint != other.fingerprint


def test_a_set_counts_up_to_the_first_shard_that_is_missing(make_set: MakeSet, tmp_path: Path) -> None:
    whole = _made(make_set, tmp_path)
    (tmp_path / "records" / "faces-00001.json").unlink()
    begun = MadeSet(Target(str(tmp_path)))
    assert begun.fingerprint == whole.fingerprint
    assert 0 < len(begun) < 40
    assert list(begun.pictures()) == list(whole.pictures())[: len(begun)]
    (tmp_path / "records" / "faces-00000.json").unlink()
    with pytest.raises(InputError, match="no finished shard yet"):
        MadeSet(Target(str(tmp_path)))


def test_what_is_no_set_or_damaged_is_said(make_set: MakeSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no set: give the folder"):
        MadeSet(Target(str(tmp_path / "nothing")))
    made = _made(make_set, tmp_path)
    shard = tmp_path / "data" / "faces-00001.tar"
    shard.write_bytes(b"x" * 700)
    with pytest.raises(InputError, match=r"faces-00001\.tar is damaged"):
        list(made.pictures())
    shard.unlink()
    with pytest.raises(InputError, match=r"faces-00001\.tar is not there"):
        list(made.pictures())
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(InputError, match=r"plan\.json is damaged"):
        MadeSet(Target(str(tmp_path)))
