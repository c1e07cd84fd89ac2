import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nobodies import gate, survey
from nobodies.bulk.maker import Maker
from nobodies.bulk.recipe import Recipe, digest_of
from nobodies.bulk.shards import SHARD_KINDS, Sample
from nobodies.generator import Face, Generator
from nobodies.imaging import xmp_of
from nobodies.latents.wishes import Wishes, parse_wishes
from nobodies.provenance import is_marked
from nobodies.provenance import recipe_of as recipe_in
from nobodies.settings import FaceSettings, PictureSettings, ShardKind, ShardSettings
from tests.bulk.conftest import recipe_of
from tests.tiny_attributes import install, tiny_attributes

PNG = PictureSettings(format="png")


def _write(path: Path, generator: Generator, recipe: Recipe, seeds: range = range(1, 6)) -> list[Sample]:
    maker = Maker(recipe, generator)
    writer = SHARD_KINDS[recipe.shards.shards].open(path, maker.columns)
    samples = list(maker.samples(seeds))
    for sample in samples:
        writer.add(sample)
    writer.close()
    return samples


def _attributed(**options: Any) -> Recipe:
    install()
    return recipe_of(attributes=digest_of(tiny_attributes()), picture=PNG, **options)


# webdataset leaves it to the interpreter to close the file.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_what_was_written(generator: Generator, tmp_path: Path) -> None:
    wds = pytest.importorskip("webdataset")
    _write(tmp_path / "faces.tar", generator, _attributed())
    read = list(wds.WebDataset(str(tmp_path / "faces.tar"), shardshuffle=False).decode("pil"))
    assert [int(each["__key__"]) for each in read] == [1, 2, 3, 4, 5]
    for each in read:
        face = generator.face(int(each["__key__"]))
        assert np.abs(np.asarray(each["png"]).astype(int) - face.pixels).mean() < 3  # but for the watermark
        assert np.array_equal(each["w.npy"], face.w[0])
        assert each["json"]["attributes"] == pytest.approx(
            {name: values[0] for name, values in tiny_attributes().predict(face.w[None]).items()}, abs=1e-4
        )


def test_headers_of_a_tar_tell_nothing_of_when_and_who(generator: Generator, tmp_path: Path) -> None:
    _write(tmp_path / "faces.tar", generator, recipe_of())
    with tarfile.open(tmp_path / "faces.tar") as tar:
        headers = {(each.mtime, each.uid, each.gid, each.uname, each.gname, each.mode) for each in tar}
    assert headers == {(0, 0, 0, "", "", 0o644)}


def test_a_table_has_a_row_a_face(generator: Generator, tmp_path: Path) -> None:
    from pyarrow import parquet

    samples = _write(tmp_path / "faces.parquet", generator, _attributed(shards=ShardSettings(shards="parquet")))
    table = parquet.read_table(tmp_path / "faces.parquet")
    assert table.column_names == ["seed", "image", "w", "settings", "attributes", "measured", "marks"]
    for row, sample in zip(table.to_pylist(), samples, strict=True):
        assert row["seed"] == sample.seed
        assert row["image"] == {"bytes": sample.picture, "path": f"{sample.seed:020d}.png"}
        assert np.array_equal(np.array(row["w"], np.float32), sample.w)
        assert row["attributes"] == pytest.approx(sample.attributes)
        assert row["settings"] == sample.settings
        assert row["marks"] == {"watermark": "seed", "xmp": "recipe"}
        assert row["measured"] is None


@pytest.mark.parametrize("kind", ["webdataset", "parquet"])
def test_a_shard_may_be_empty(generator: Generator, tmp_path: Path, kind: ShardKind) -> None:
    _write(tmp_path / "shard", generator, recipe_of(shards=ShardSettings(shards=kind)), range(0))
    assert SHARD_KINDS[kind].seeds(tmp_path / "shard") == []


def test_more_rows_than_a_group_holds(generator: Generator, tmp_path: Path) -> None:
    _write(tmp_path / "shard", generator, recipe_of(shards=ShardSettings(shards="parquet")), range(300))
    assert SHARD_KINDS["parquet"].seeds(tmp_path / "shard") == list(range(300))


def test_pictures_are_marked_and_carry_their_recipe(generator: Generator) -> None:
    (sample,) = Maker(recipe_of(picture=PNG), generator).samples([42])
    assert sample.picture == generator.face(42).encode(format="png", marks=recipe_of().marks)
    with Image.open(io.BytesIO(sample.picture)) as image:
        packet = xmp_of(image)
    assert packet
    assert is_marked(packet)
    assert (recipe_in(packet) or {})["seed"] == 42


def test_an_edited_face_is_not_passed_off_as_its_seed(generator: Generator) -> None:
    (sample,) = Maker(_attributed(changes=("age=+10",)), generator).samples([42])
    with Image.open(io.BytesIO(sample.picture)) as image:
        made = recipe_in(xmp_of(image) or b"") or {}
    assert "seed" not in made
    assert (made["edited"], made["changes"]) == ("42", ["age=+10"])
    edited = generator.edit(42, {"age": 10.0})
    assert np.array_equal(sample.w, edited.ws)
    assert (sample.seed, sample.settings["changes"]) == (42, ["age=+10"])
    assert (sample.attributes or {})["age"] == pytest.approx(edited.after["age"], abs=1e-3)


@pytest.mark.parametrize("kind", ["webdataset", "parquet"])
def test_codes_that_differ_from_layer_to_layer_are_kept_whole(
    generator: Generator, tmp_path: Path, kind: ShardKind
) -> None:
    recipe = recipe_of(face=FaceSettings(cutoff=2), shards=ShardSettings(shards=kind))
    (sample,) = _write(tmp_path / "shard", generator, recipe, range(7, 8))
    assert np.array_equal(sample.w, generator.w(7, cutoff=2))
    assert sample.w.shape == (5, 8)


def test_measured_attributes_stand_beside_the_predicted(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([{"age": 31.23456, "eyes_open": float("nan")}, None])
    monkeypatch.setattr(survey, "measure", lambda _: next(looks))
    recipe = _attributed(shards=ShardSettings(analyse=True))
    seen, unseen = _write(tmp_path / "faces.tar", generator, recipe, range(1, 3))
    assert seen.measured == {"age": 31.2346, "eyes_open": None}
    assert unseen.measured is None
    assert json.loads(json.dumps(seen.record(), allow_nan=False))["attributes"].keys() == set(tiny_attributes().names)


def test_checked_faces_are_those_measured_as_wished(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([{"age": 50.0}, {"age": 22.0}, None, {"age": 42.0}])
    monkeypatch.setattr(survey, "measure", lambda _: next(looks))
    maker = Maker(_attributed(wishes=parse_wishes("age 40..60"), checked=True), generator)
    samples = list(maker.samples([1, 2, 3, 4]))
    assert [each.seed for each in samples] == [1, 4]
    assert all(each.measured is None for each in samples)


def test_the_gate_screens_codes_and_turns_faces_away(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    class EvenGate:
        def accepts(self, face: Face) -> bool:
            return face.seed is not None and face.seed % 2 == 0

        def screen(self, ws: NDArray[np.float32]) -> NDArray[np.bool_]:
            screened: NDArray[np.bool_] = ws[:, 0, 0] > 0.5
            return screened

    monkeypatch.setattr(Generator, "load", lambda *_, **__: generator)
    monkeypatch.setattr(gate, "gate_of", lambda *_, **__: EvenGate())
    anyone = _attributed(wishes=Wishes(adults_only=False))
    maker = Maker.load(replace(anyone, gate=True), 1)
    assert [each.seed for each in maker.samples(range(10))] == [0, 2, 4, 6, 8]
    assert maker.search(range(50)) == [seed for seed in range(50) if generator.w(seed)[0, 0] > 0.5]
    assert Maker.load(anyone, 1).search(range(50)) == list(range(50))
