"""What workers are given to do. Each task is small, says all that it needs, and may be done again without harm."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from nobodies.bulk.maker import Maker
from nobodies.bulk.plan import Shard
from nobodies.bulk.shards import SHARD_KINDS
from nobodies.bulk.target import Target
from nobodies.errors import OutputError

R_co = TypeVar("R_co", covariant=True)

_MOST_RECORD_BYTES: Final = 64 << 20


class Task(Protocol[R_co]):
    """Something for a worker to do. Sent by pickle, between processes of one user."""

    def __call__(self, maker: Maker) -> R_co:
        """Do it."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look through seeds for faces as wished."""

    seeds: range

    def __call__(self, maker: Maker) -> tuple[range, list[int]]:
        """Give what was looked at, and what was found."""
        return self.seeds, maker.search(self.seeds)


@dataclass(frozen=True, slots=True)
class Weigh:
    """Make a small shard, which is thrown away, to learn how large faces are."""

    seeds: Sequence[int]

    def __call__(self, maker: Maker) -> float:
        """Give the bytes of a face."""
        with tempfile.TemporaryDirectory(prefix="nobodies-") as folder:
            path = Path(folder) / "shard"
            num_faces = len(_write_shard(maker, path, self.seeds, len(self.seeds)))
            return path.stat().st_size / max(num_faces, 1)


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """What is known of a finished shard."""

    name: str
    num_faces: int
    size_bytes: int
    sha256: str
    left_out: tuple[int, ...]
    """Seeds whose faces were not let out, or not needed any more."""
    kept: bool = False
    """It was there already."""

    def to_json(self) -> dict[str, Any]:
        """Give it in JSON values."""
        record = asdict(self) | {"left_out": list(self.left_out)}
        del record["kept"]
        return record


@dataclass(frozen=True, slots=True, eq=False)
class MakeShard:
    """Make a shard, unless it is there and whole."""

    target: Target
    shard: Shard

    def __call__(self, maker: Maker) -> ShardRecord:
        """Give its record, which is written after it.

        Raises:
            OutputError: it cannot be written; or it is there and was changed.
        """
        found = CheckShard(self.target, self.shard)(maker)
        if found is not None:
            return replace(found, kept=True)
        seeds: list[int] = self.shard.seeds.tolist()
        with self.target.writing(self.shard.name) as path:
            made = set(_write_shard(maker, path, seeds, self.shard.most_faces))
            size_bytes, sha256 = path.stat().st_size, _sha256(path)
        left_out = tuple(seed for seed in seeds if seed not in made)
        record = ShardRecord(self.shard.name, len(made), size_bytes, sha256, left_out)
        self.target.write(self.shard.record_name, json.dumps(record.to_json()).encode() + b"\n")
        return record


@dataclass(frozen=True, slots=True, eq=False)
class CheckShard:
    """Read a shard again, all of it, and compare it with its record and with the plan."""

    target: Target
    shard: Shard

    def __call__(self, maker: Maker) -> ShardRecord | None:
        """Give its record; None if shard or record are not there yet.

        Raises:
            OutputError: the shard was changed since it was made.
        """
        record = self._record()
        with self.target.reading(self.shard.name) as path:
            if record is None or path is None:
                return None
            if (path.stat().st_size, _sha256(path)) != (record.size_bytes, record.sha256):
                raise self._changed("its checksum is not the one in its record")
            inside = SHARD_KINDS[maker.recipe.shards.shards].seeds(path)
        left_out = set(record.left_out)
        if inside != [seed for seed in self.shard.seeds.tolist() if seed not in left_out]:
            raise self._changed("its faces are not those of the plan")
        return record

    def _record(self) -> ShardRecord | None:
        written = self.target.read(self.shard.record_name)
        if written is None:
            return None
        try:
            about = json.loads(written[:_MOST_RECORD_BYTES])
            return ShardRecord(**about | {"left_out": tuple(about["left_out"])})
        except (ValueError, KeyError, TypeError):
            raise self._changed("its record cannot be read") from None

    def _changed(self, how: str) -> OutputError:
        return OutputError(
            f"{self.target}/{self.shard.name} has changed since it was made ({how}): move it and "
            f"{self.shard.record_name} away, and run the same command again"
        )


def _write_shard(maker: Maker, path: Path, seeds: Sequence[int], most_faces: int) -> list[int]:
    """Write a shard of the first seeds whose faces are let out, and give them."""
    made = []
    with closing(SHARD_KINDS[maker.recipe.shards.shards].open(path, maker.columns)) as writer:
        for sample in islice(maker.samples(seeds), most_faces):
            writer.add(sample)
            made.append(sample.seed)
    return made


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
