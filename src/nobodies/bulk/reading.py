"""A set read back: its faces in order, as far as they are finished."""

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice, takewhile
from pathlib import PurePosixPath
from typing import Any

from nobodies.bulk.plan import PLAN_NAME, record_name
from nobodies.bulk.shards import SHARD_KINDS, Picture
from nobodies.bulk.target import Target
from nobodies.errors import InputError


@dataclass(frozen=True)
class MadeSet:
    """A set that is finished, or still being made. Its faces are numbered in the order of its shards."""

    target: Target

    def __post_init__(self) -> None:
        """Look whether it is one.

        Raises:
            InputError: the place holds no set, a damaged one, or none of its shards is finished.
        """
        if not self._json(PLAN_NAME):
            raise InputError(f"{self.target} is no set: give the folder or address that 'nobodies bulk' wrote to")
        if not self._sizes:
            raise InputError(f"{self.target} has no finished shard yet: wait for the first, or choose another set")

    def __len__(self) -> int:
        """Count the faces of finished shards, up to the first shard that is missing."""
        return sum(self._sizes.values())

    @cached_property
    def fingerprint(self) -> str:
        """Tell this set from others; it stays the same while the set grows."""
        asked = self._json(PLAN_NAME)["asked"]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """Give seeds and encoded pictures, from face number `start` on.

        Raises:
            InputError: a shard is missing or damaged.
        """
        for name, size in self._sizes.items():
            if start < size:
                yield from islice(self._read(name), start, None)
            start = max(0, start - size)

    def _read(self, name: str) -> Iterator[Picture]:
        kind = next(kind for kind in SHARD_KINDS.values() if kind.suffix == PurePosixPath(name).suffix)
        with self.target.reading(name) as path:
            if path is None:
                raise InputError(f"{self.target}/{name} is not there: run 'nobodies bulk' again as it was run")
            try:
                yield from kind.pictures(path)
            except (ValueError, KeyError, OSError, tarfile.TarError) as error:
                raise InputError(f"{self.target}/{name} is damaged: {error}") from error

    @cached_property
    def _sizes(self) -> dict[str, int]:
        """Faces of each finished shard, by its name."""
        records = takewhile(bool, (self._json(record_name(number)) for number in count()))
        return {record["name"]: record["num_faces"] for record in records}

    def _json(self, name: str) -> dict[str, Any]:
        """Read a file; nothing where there is none."""
        written = self.target.read(name)
        try:
            return json.loads(written) if written is not None else {}
        except ValueError as error:
            raise InputError(
                f"{self.target}/{name} is damaged ({error}): restore it, or choose another set"
            ) from error
