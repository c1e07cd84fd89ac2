"""The plan of a set: which seeds go into which shard. Kept in the set's folder, so that every run has the same."""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.bulk.recipe import Recipe, Wanted
from nobodies.bulk.shards import SHARD_KINDS
from nobodies.bulk.target import Target
from nobodies.errors import InputError, OutputError

Seeds = NDArray[np.uint64]

PLAN_NAME: Final = "plan.json"
SEEDS_NAME: Final = "seeds.npy"
FORMAT: Final = "nobodies-bulk-1"


@dataclass(frozen=True, eq=False)
class Shard:
    """One file of a set, made by one worker."""

    number: int
    suffix: str
    seeds: Seeds
    """[N], those of its faces, in order."""
    most_faces: int
    """Faces that are wanted of it; what comes after them is left out."""

    @property
    def name(self) -> str:
        """Name of the file, within the set."""
        return f"data/faces-{self.number:05d}{self.suffix}"

    @property
    def record_name(self) -> str:
        """Name of the file that says what is in it, within the set."""
        return record_name(self.number)


def record_name(number: int) -> str:
    """Name of the record of a shard, within the set."""
    return f"records/faces-{number:05d}.json"


@dataclass(frozen=True, eq=False)
class Round:
    """Seeds that were found together: at first, or later in the place of faces that were left out."""

    num_seeds: int
    num_faces: int
    """How many of their faces are wanted; all, but in a last round, which finds more than it needs."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Which seeds go into which shard."""

    recipe: Recipe
    wanted: Wanted
    shard_faces: int
    """Seeds of a shard. The last one of each round has what is left; a round that finds more than it needs is one."""
    seeds: Seeds
    """All of them, [N], each once."""
    rounds: tuple[Round, ...]

    def shards(self) -> Iterator[Shard]:
        """Cut the seeds into shards."""
        suffix, number, begin = SHARD_KINDS[self.recipe.shards.shards].suffix, 0, 0
        for each in self.rounds:
            end = begin + each.num_seeds
            step = self.shard_faces if each.num_faces == each.num_seeds else each.num_seeds
            for first in range(begin, end, step):
                seeds = self.seeds[first : min(first + step, end)]
                yield Shard(number, suffix, seeds, min(len(seeds), each.num_faces))
                number += 1
            begin = end

    def extended(self, seeds: Seeds, num_faces: int) -> "Plan":
        """Add a round."""
        rounds = (*self.rounds, Round(len(seeds), num_faces))
        return replace(self, seeds=np.concatenate([self.seeds, seeds]), rounds=rounds)

    def asked(self) -> dict[str, Any]:
        """Say what was asked for, in JSON values."""
        return _asked(self.recipe, self.wanted)

    def write(self, target: Target) -> None:
        """Keep the plan in the set's folder; its seeds first, so that a kill leaves the old plan or the new one."""
        file = io.BytesIO()
        np.save(file, self.seeds, allow_pickle=False)
        target.write(SEEDS_NAME, file.getvalue())
        rounds = [asdict(each) for each in self.rounds]
        about = {"format": FORMAT, "shard_faces": self.shard_faces, "rounds": rounds, "asked": self.asked()}
        target.write(PLAN_NAME, json.dumps(about, indent=2).encode() + b"\n")


def read_plan(target: Target, recipe: Recipe, wanted: Wanted) -> Plan | None:
    """Read the plan of a set; None if the folder is empty.

    Raises:
        OutputError: the folder holds something else, or a set of which something else was asked.
        InputError: the plan is damaged.
    """
    written = target.read(PLAN_NAME)
    if written is None:
        if names := target.names():
            raise OutputError(f"{target} holds other files ({', '.join(names[:3])}…): choose an empty folder")
        return None
    try:
        about = json.loads(written)
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r}")
        asked, shard_faces = about["asked"], int(about["shard_faces"])
        rounds = tuple(Round(**each) for each in about["rounds"])
        num_seeds = sum(each.num_seeds for each in rounds)
        seeds = np.load(io.BytesIO(target.read(SEEDS_NAME) or b""), allow_pickle=False)[:num_seeds]
        if seeds.dtype != np.uint64 or seeds.shape != (num_seeds,) or shard_faces < 1:
            raise ValueError(f"{SEEDS_NAME} does not fit")
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(
            f"{target}/{PLAN_NAME} or {SEEDS_NAME} is damaged ({error}): restore it, or choose another folder"
        ) from None
    if odd := _differences(asked, json.loads(json.dumps(_asked(recipe, wanted)))):
        raise OutputError(
            f"{target} holds a set with another {' and '.join(odd)}: give the same options, or choose another folder"
        )
    return Plan(recipe, wanted, shard_faces, seeds, rounds)


def _asked(recipe: Recipe, wanted: Wanted) -> dict[str, Any]:
    return recipe.to_json() | {"wanted": asdict(wanted)}


def _differences(found: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """Give what differs, with the values found, groups opened up."""
    odd = []
    for key in sorted({*found, *asked}):
        old, new = found.get(key), asked.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            odd += _differences(old, new)
        elif old != new:
            odd.append(f"{key} ({old})")
    return odd
