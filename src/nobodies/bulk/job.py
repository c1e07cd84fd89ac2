"""A set from plan to card: plan, shards, audit, index. Asking for the same again goes on where it was."""

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nobodies.bulk.card import card_of
from nobodies.bulk.crews import Crew, work_off
from nobodies.bulk.plan import Plan, Round, Seeds, read_plan
from nobodies.bulk.recipe import Recipe, Wanted
from nobodies.bulk.target import Target
from nobodies.bulk.tasks import CheckShard, Find, MakeShard, ShardRecord, Weigh
from nobodies.errors import OutputError, SearchError
from nobodies.latents.seeds import NUM_SEEDS
from nobodies.models import Description

INDEX_NAME: Final = "index.json"
SUMS_NAME: Final = "SHA256SUMS"
CARD_NAME: Final = "README.md"

_WEIGHED_FACES: Final = 32
_FOUND_AT_ONCE: Final = 4096
"""Seeds that a worker looks at in one go: about a second."""
_SPARE: Final = 4
_MANY: Final = 64
"""Seeds that are enough for a round: where none of so many is as wanted, none will be."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What a finished set was found to hold, read back from where it is."""

    num_shards: int
    num_kept: int
    """Shards that were there already."""
    num_faces: int
    num_left_out: int
    size_bytes: int

    def __str__(self) -> str:
        left_out = f", {self.num_left_out} left out and named" if self.num_left_out else ""
        return f"{self.num_faces} faces in {self.num_shards} shards, no seed twice, none missing{left_out}"


class BulkJob:
    """A set of faces to be written to a folder or an object store."""

    def __init__(self, recipe: Recipe, wanted: Wanted, target: Target, crew: Crew) -> None:
        """Join what is asked for, where it goes, and who does it."""
        self.recipe, self.wanted, self.target, self.crew = recipe, wanted, target, crew
        self.plan: Plan
        self.records: dict[str, ShardRecord] = {}

    def prepare(self) -> Plan:
        """Give the plan of the set: the one it has, or a new one, for which seeds are searched and faces weighed.

        Raises:
            OutputError: the folder cannot be written, or holds something else.
            SearchError: fewer faces than wanted are as wished. Nothing was written.
        """
        self.target.prepare()
        plan = read_plan(self.target, self.recipe, self.wanted)
        if plan is None:
            seeds = self._first_seeds()
            first = Round(len(seeds), len(seeds))
            plan = Plan(self.recipe, self.wanted, self._shard_faces(seeds), seeds, (first,))
            plan.write(self.target)
        self.plan = plan
        return plan

    def make(self) -> Iterator[ShardRecord]:
        """Make the shards of the plan that are missing, and verify those that are there.

        Where faces were left out of a set of so many, others are found and made in their place.

        Yields:
            A record for each shard, once it is in its place, in whatever order they are finished.

        Raises:
            OutputError: a shard cannot be written, or was changed.
            SearchError: too few faces are as wished; those that are were made.
        """
        while True:
            todo = (shard for shard in self.plan.shards() if shard.name not in self.records)
            for record in work_off(self.crew, (MakeShard(self.target, shard) for shard in todo)):
                self.records[record.name] = record
                yield record
            missing = (self.wanted.count or 0) - sum(record.num_faces for record in self.records.values())
            if missing <= 0:
                return
            self.plan = self._extended(missing)
            self.plan.write(self.target)

    def finish(self, description: Description) -> Audit:
        """Read every new shard back, compare all with the plan, and write index, checksums and card.

        Args:
            description: of the model, for the card.

        Raises:
            OutputError: a shard is missing, was changed, or holds other faces than planned.
        """
        audit = self._audit()
        records = sorted(self.records.values(), key=lambda record: record.name)
        about: dict[str, Any] = {
            "faces": audit.num_faces,
            "size_bytes": audit.size_bytes,
            "audit": str(audit),
            "asked": self.plan.asked(),
            "shards": [record.to_json() for record in records],
        }
        sums = "".join(f"{record.sha256}  {record.name}\n" for record in records)
        self.target.write(SUMS_NAME, sums.encode())
        self.target.write(CARD_NAME, card_of(self.plan, description, audit).encode())
        self.target.write(INDEX_NAME, json.dumps(about, indent=1).encode() + b"\n")
        return audit

    def _audit(self) -> Audit:
        plan = self.plan
        if len(np.unique(plan.seeds)) != len(plan.seeds):
            raise OutputError(f"the plan of {self.target} has a seed twice: choose another folder")
        shards = {shard.name: shard for shard in plan.shards()}
        # Those that were kept were read just now, before they were kept.
        fresh = (shards[record.name] for record in self.records.values() if not record.kept)
        checked = dict.fromkeys(name for name, record in self.records.items() if record.kept)
        for found in work_off(self.crew, (CheckShard(self.target, shard) for shard in fresh)):
            if found is not None:
                checked[found.name] = None
        if missing := shards.keys() - checked.keys():
            raise OutputError(
                f"{self.target}/{min(missing)} is not there, one of {len(missing)}: can every worker reach the same "
                "folder? Run the same command again"
            )
        records = self.records.values()
        return Audit(
            num_shards=len(records),
            num_kept=sum(record.kept for record in records),
            num_faces=sum(record.num_faces for record in records),
            num_left_out=sum(len(record.left_out) for record in records),
            size_bytes=sum(record.size_bytes for record in records),
        )

    def _first_seeds(self) -> Seeds:
        if self.wanted.seeds is not None:
            return np.array(self.wanted.named(), np.uint64)
        return self._found(self.wanted.count or 0, from_seed=self.wanted.from_seed)

    def _shard_faces(self, seeds: Seeds) -> int:
        """Give the faces of a shard, by the size of the first few."""
        (face_bytes,) = work_off(self.crew, [Weigh(seeds[:_WEIGHED_FACES].tolist())])
        return max(1, round(self.recipe.shards.shard_mb * 1e6 / max(face_bytes, 1)))

    def _extended(self, missing: int) -> Plan:
        """Find seeds in the place of those whose faces were left out."""
        last = self.plan.rounds[-1]
        fruitless = last.num_faces == missing
        if fruitless and last.num_seeds >= _MANY:
            raise SearchError(
                f"{len(self.plan.seeds)} faces were made and none of the last {last.num_seeds} is as wanted: loosen "
                "the wishes"
            )
        # A few in the place of a few could all be left out again: find more than are needed, and stop at enough.
        spare = 2 * last.num_seeds if fruitless else _SPARE * missing
        wanted = missing if missing >= _MANY else max(spare, _SPARE)
        return self.plan.extended(self._found(wanted, from_seed=int(self.plan.seeds[-1]) + 1), missing)

    def _found(self, count: int, *, from_seed: int) -> Seeds:
        """Search for seeds, in blocks that workers look through; the first of them, in their order."""
        if self.recipe.wishes is None:
            return np.array(range(from_seed, min(from_seed + count, NUM_SEEDS)), np.uint64)
        limit = min(from_seed + count * self.wanted.tries, NUM_SEEDS)
        starts = range(from_seed, limit, _FOUND_AT_ONCE)
        blocks = (range(first, min(first + _FOUND_AT_ONCE, limit)) for first in starts)
        found: list[int] = []
        with closing(in_order(work_off(self.crew, map(Find, blocks)), starts)) as results:
            for seeds in results:
                found += seeds
                if len(found) >= count:
                    return np.array(found[:count], np.uint64)
        raise SearchError(
            f"{len(found)} of {count} faces found among {limit - from_seed} seeds for '{self.recipe.wishes}': loosen "
            "the wishes, raise psi, or look at more seeds (--tries)"
        )


def in_order(results: Iterable[tuple[range, list[int]]], starts: Iterable[int]) -> Generator[list[int], None, None]:
    """Put what was found in blocks of seeds into the order of the blocks."""
    waiting: dict[int, list[int]] = {}
    coming = iter(results)
    for start in starts:
        while start not in waiting:
            block, found = next(coming)
            waiting[block.start] = found
        yield waiting.pop(start)
