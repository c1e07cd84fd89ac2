import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nobodies.bulk.job import in_order
from nobodies.bulk.maker import Maker
from nobodies.bulk.recipe import Recipe, Wanted, digest_of
from nobodies.bulk.shards import SHARD_KINDS
from nobodies.bulk.tasks import MakeShard, Task
from nobodies.errors import ModelError, OutputError, SearchError, SettingError, WorkerError
from nobodies.generator import Face, Generator
from nobodies.latents.wishes import Wishes, parse_wishes
from nobodies.settings import FaceSettings, MarkSettings, PictureSettings, ShardKind, ShardSettings
from tests.bulk.conftest import Lost, MakeSet, recipe_of, sums
from tests.tiny_attributes import install, tiny_attributes

SMALL = ShardSettings(shard_mb=0.03)


def _recipe(**options: Any) -> Recipe:
    return recipe_of(**{"shards": SMALL} | options)


def _wishing(**options: Any) -> Recipe:
    install()
    return _recipe(**{"attributes": digest_of(tiny_attributes()), "wishes": Wishes()} | options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of its own; the cache stands beside it."""
    (tmp_path / "sets").mkdir()
    return tmp_path / "sets"


def _seeds(folder: Path, kind: ShardKind = "webdataset") -> list[int]:
    return [seed for path in sorted((folder / "data").iterdir()) for seed in SHARD_KINDS[kind].seeds(path)]


@pytest.mark.parametrize("kind", ["webdataset", "parquet"])
def test_named_seeds_are_all_there_once(make_set: MakeSet, folder: Path, kind: ShardKind) -> None:
    recipe = _recipe(shards=ShardSettings(shards=kind, shard_mb=0.03))
    audit = make_set(folder / "a", Wanted(seeds="1-40,7,99"), recipe)
    assert _seeds(folder / "a", kind) == [*range(1, 41), 99]
    assert (audit.num_faces, audit.num_kept, audit.num_left_out) == (41, 0, 0)
    assert audit.num_shards > 3
    make_set(folder / "b", Wanted(seeds="1-40,7,99"), recipe)
    assert sums(folder / "a") == sums(folder / "b")


def test_shards_have_about_the_size_that_was_asked_for(make_set: MakeSet, folder: Path) -> None:
    make_set(folder, Wanted(seeds="1-100"), _recipe(shards=ShardSettings(shard_mb=0.1)))
    *whole, _ = sorted((folder / "data").iterdir())
    assert len(whole) >= 2
    for path in whole:
        assert 0.85e5 < path.stat().st_size < 1.15e5


def test_index_and_checksums_agree_with_the_files(make_set: MakeSet, folder: Path) -> None:
    make_set(folder, Wanted(seeds="1-30"), _recipe())
    index = json.loads((folder / "index.json").read_text())
    listed = {each["name"]: each["sha256"] for each in index["shards"]}
    data = {name: checksum for name, checksum in sums(folder).items() if name.startswith("data/")}
    assert listed == data
    assert index["faces"] == sum(each["num_faces"] for each in index["shards"]) == 30
    assert (folder / "SHA256SUMS").read_text() == "".join(f"{sha}  {name}\n" for name, sha in sorted(data.items()))
    card = (folder / "README.md").read_text()
    assert "the numbers, by nobody: CC0" in card
    assert "30 pictures" in card


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stop_after=st.integers(0, 6), lose=st.lists(st.integers(0, 12), max_size=3))
def test_stopped_anywhere_and_with_workers_lost_it_is_the_same_set(
    make_set: MakeSet, tmp_path_factory: pytest.TempPathFactory, stop_after: int, lose: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("sets")
    recipe, wanted = _recipe(), Wanted(seeds="1-60")
    begun: Counter[str] = Counter()

    def stop(task: Task[Any]) -> None:
        if isinstance(task, MakeShard):
            begun["shards"] += 1
            if begun["shards"] > stop_after:
                raise KeyboardInterrupt

    def lose_some(task: Task[Any]) -> None:
        if isinstance(task, MakeShard) and task.shard.number in lose and not begun[task.shard.name]:
            begun[task.shard.name] += 1
            raise Lost

    make_set(folder / "whole", wanted, recipe)
    with pytest.raises(KeyboardInterrupt):
        make_set(folder / "stopped", wanted, recipe, before=stop)
    audit = make_set(folder / "stopped", wanted, recipe, before=lose_some)
    assert audit.num_kept == stop_after
    assert sums(folder / "whole") == sums(folder / "stopped")


def test_a_worker_lost_again_and_again_ends_the_run(make_set: MakeSet, folder: Path) -> None:
    def lose(task: Task[Any]) -> None:
        if isinstance(task, MakeShard) and task.shard.number == 1:
            raise Lost("out of memory")

    with pytest.raises(WorkerError, match=r"lost 3 times at the same work \(out of memory\)"):
        make_set(folder, Wanted(seeds="1-30"), _recipe(), before=lose)
    assert (folder / "records" / "faces-00000.json").exists()


def test_a_shard_half_written_or_lost_is_made_again(make_set: MakeSet, folder: Path) -> None:
    recipe, wanted = _recipe(), Wanted(seeds="1-40")
    make_set(folder, wanted, recipe)
    before = sums(folder)
    (folder / "data" / "faces-00000.tar").unlink()
    (folder / "records" / "faces-00001.json").unlink()
    (folder / "data" / "faces-00001.tar").write_bytes(b"half")
    (folder / "data" / ".faces-00002.tar.0a1b2c3d.tmp").write_bytes(b"left by a kill")
    audit = make_set(folder, wanted, recipe)
    assert audit.num_shards - audit.num_kept == 2
    assert sums(folder) == before


@pytest.mark.parametrize("name", ["data/faces-00001.tar", "records/faces-00001.json"])
def test_a_shard_changed_by_hand_is_said_and_kept(make_set: MakeSet, folder: Path, name: str) -> None:
    recipe, wanted = _recipe(), Wanted(seeds="1-40")
    make_set(folder, wanted, recipe)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(
        content[:600] + bytes([content[600] ^ 1]) + content[601:] if len(content) > 600 else b"x"
    )
    changed = (folder / name).read_bytes()
    with pytest.raises(OutputError, match=r"data/faces-00001.tar has changed since it was made .*move it and"):
        make_set(folder, wanted, recipe)
    assert (folder / name).read_bytes() == changed


def test_a_shard_and_record_of_another_set_are_noticed(make_set: MakeSet, folder: Path) -> None:
    make_set(folder / "a", Wanted(seeds="1-40"), _recipe())
    make_set(folder / "b", Wanted(seeds="101-140"), _recipe())
    for name in ("data/faces-00001.tar", "records/faces-00001.json"):
        (folder / "a" / name).write_bytes((folder / "b" / name).read_bytes())
    with pytest.raises(OutputError, match="its faces are not those of the plan"):
        make_set(folder / "a", Wanted(seeds="1-40"), _recipe())


def test_a_shard_that_goes_away_before_the_audit_is_missed(make_set: MakeSet, folder: Path) -> None:
    def remove(task: Task[Any]) -> None:
        if isinstance(task, MakeShard) and task.shard.number == 2:
            (folder / "data" / "faces-00000.tar").unlink()

    with pytest.raises(OutputError, match=r"faces-00000.tar is not there, one of 1: can every worker reach"):
        make_set(folder, Wanted(seeds="1-40"), _recipe(), before=remove)
    assert not (folder / "index.json").exists()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"face": FaceSettings(psi=0.5)}, r"psi \(0.7\)"),
        ({"picture": PictureSettings(size_px=16)}, r"size_px \(None\)"),
        ({"shards": ShardSettings(shard_mb=1)}, r"shard_mb \(0.03\)"),
    ],
)
def test_a_folder_with_another_set_is_refused(
    make_set: MakeSet, folder: Path, other: dict[str, Any], named: str
) -> None:
    make_set(folder, Wanted(seeds="1-20"), _recipe())
    before = sums(folder)
    with pytest.raises(OutputError, match=f"a set with another {named}: give the same options, or choose"):
        make_set(folder, Wanted(seeds="1-20"), _recipe(**other))
    with pytest.raises(OutputError, match=r"another seeds \(1-20\)"):
        make_set(folder, Wanted(seeds="1-21"), _recipe())
    assert sums(folder) == before


def test_a_folder_with_other_files_is_refused(make_set: MakeSet, folder: Path) -> None:
    (folder / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files \(thesis.tex…\): choose an empty folder"):
        make_set(folder, Wanted(seeds="1-20"), _recipe())
    assert sums(folder).keys() == {"thesis.tex"}


@pytest.mark.parametrize("damage", [b"{", b'{"format": "nobodies-bulk-9"}', b"[]"])
def test_a_damaged_plan_is_said(make_set: MakeSet, folder: Path, damage: bytes) -> None:
    make_set(folder, Wanted(seeds="1-20"), _recipe())
    (folder / "plan.json").write_bytes(damage)
    with pytest.raises(Exception, match=r"plan.json or seeds.npy is damaged .*restore it, or choose another folder"):
        make_set(folder, Wanted(seeds="1-20"), _recipe())


def test_of_so_many_minors_are_left_out(make_set: MakeSet, folder: Path, generator: Generator) -> None:
    recipe = _wishing()
    make_set(folder, Wanted(count=50, from_seed=10), recipe)
    seeds = _seeds(folder)
    assert len(seeds) == 50
    assert recipe.wishes is not None
    all_seeds = range(10, seeds[-1] + 1)
    fitting = recipe.wishes.screen(tiny_attributes(), np.stack([generator.w(seed) for seed in all_seeds]))
    assert seeds == [seed for seed, fits in zip(all_seeds, fitting, strict=True) if fits]
    assert len(seeds) < len(all_seeds)


@pytest.mark.parametrize("balanced", [False, True])
def test_wishes_choose_as_the_generator_does(
    make_set: MakeSet, folder: Path, generator: Generator, balanced: bool
) -> None:
    wishes = "smiling"
    make_set(folder, Wanted(count=20), _wishing(wishes=parse_wishes(wishes), balanced=balanced))
    assert _seeds(folder) == list(generator.choose(wishes, count=20, balanced=balanced))


def test_impossible_wishes_are_said_before_anything_is_written(make_set: MakeSet, folder: Path) -> None:
    recipe = _wishing(wishes=parse_wishes("yaw 59..60"))
    with pytest.raises(SearchError, match=r"0 of 5 faces found among 500 seeds for 'yaw 59..60': loosen"):
        make_set(folder, Wanted(count=5, tries=100), recipe)
    assert sums(folder) == {}


@pytest.mark.parametrize("count", [3, 100])
def test_faces_that_are_left_out_are_replaced_and_named(make_set: MakeSet, folder: Path, count: int) -> None:
    recipe, wanted = _wishing(), Wanted(count=count)

    def even(face: Face) -> bool:
        return face.seed is not None and face.seed % 2 == 0

    audit = make_set(folder / "a", wanted, recipe, lets_out=even)
    seeds = _seeds(folder / "a")
    assert len(seeds) == len(set(seeds)) == count == audit.num_faces
    assert all(seed % 2 == 0 for seed in seeds)
    planned = np.load(folder / "a" / "seeds.npy").tolist()
    assert len(planned) == count + audit.num_left_out
    before = sums(folder / "a")
    again = make_set(folder / "a", wanted, recipe, lets_out=even)
    assert again.num_kept == again.num_shards
    assert sums(folder / "a") == before


def test_named_seeds_are_left_out_but_not_replaced(make_set: MakeSet, folder: Path) -> None:
    audit = make_set(folder, Wanted(seeds="1-20"), _recipe(), lets_out=lambda face: face.seed != 7)
    assert (audit.num_faces, audit.num_left_out) == (19, 1)
    assert "19 faces" in str(audit)
    assert "1 left out" in str(audit)


def test_when_no_face_is_let_out_the_search_ends(make_set: MakeSet, folder: Path) -> None:
    with pytest.raises(SearchError, match="none of the last 80 is as wanted"):
        make_set(folder, Wanted(count=5), _wishing(), lets_out=lambda _: False)


def test_a_model_without_attributes_is_not_screened(make_set: MakeSet, folder: Path) -> None:
    make_set(folder, Wanted(count=12, from_seed=5), _recipe())
    assert _seeds(folder) == list(range(5, 17))


def test_results_of_blocks_come_in_the_order_of_the_blocks() -> None:
    blocks = [range(10), range(10, 20), range(20, 25)]
    found = [(blocks[1], [11]), (blocks[2], [21]), (blocks[0], [1, 2])]
    assert list(in_order(found, [0, 10, 20])) == [[1, 2], [11], [21]]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"marks": MarkSettings()}, "c2pa is not 'off'"),
        ({"precision": "auto"}, "say bf16 or f32"),
        ({"changes": ("age=+1",), "face": FaceSettings(noise="seeded")}, "no seed for noise"),
        ({"changes": ("ages=+1",)}, "ages"),
        ({"checked": True}, "there are none"),
        ({"balanced": True}, "these are named"),
    ],
)
def test_recipes_that_contradict_themselves(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(SettingError, match=hint):
        _recipe(**options)


@pytest.mark.parametrize("options", [{}, {"seeds": "1-2", "count": 3}, {"count": 0}, {"seeds": "5-1"}])
def test_wants_that_say_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        Wanted(**options)


def test_a_worker_with_something_else_says_so(generator: Generator) -> None:
    with pytest.raises(WorkerError, match="install the same everywhere"):
        Maker(_recipe(version="0.0.1"), generator)
    with pytest.raises(ModelError, match=r"other weights of tiny .*nobodies models remove tiny"):
        Maker(_recipe(weights="f" * 16), generator)
    install()
    with pytest.raises(ModelError, match="reads other attributes of tiny"):
        Maker(_recipe(attributes="0" * 32), generator)
    with pytest.raises(SettingError, match="up to 32 px"):
        Maker(_recipe(picture=PictureSettings(size_px=64)), generator)
