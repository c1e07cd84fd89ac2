"""Two kinds of shard: tar files after WebDataset's rules, and Parquet tables. The same samples, the same bytes."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import DependencyError
from nobodies.imaging import CODECS
from nobodies.settings import PictureFormat, ShardKind

if TYPE_CHECKING:
    import pyarrow

Seeds = NDArray[np.uint64]
Picture = tuple[int, bytes]
"""A seed and the encoded file."""

_ROW_GROUP: Final = 128


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One face of a set."""

    seed: int
    picture: bytes
    """The encoded file."""
    w: NDArray[np.float32]
    """Its style code, truncated and edited: [W]; or [L, W], where it differs from layer to layer."""
    settings: Mapping[str, Any]
    attributes: Mapping[str, float | None] | None
    """As predicted from w; None for a model without attributes."""
    measured: Mapping[str, float | None] | None
    """As seen in the picture; None if it was not looked at, or no face was found."""
    marks: Mapping[str, Any]

    def record(self) -> dict[str, Any]:
        """Give everything but picture and style code, in JSON values."""
        return {
            "seed": self.seed,
            "settings": self.settings,
            "attributes": self.attributes,
            "measured": self.measured,
            "marks": self.marks,
        }


@dataclass(frozen=True, slots=True)
class Columns:
    """What all samples of a shard have in common."""

    format: PictureFormat
    layered: bool
    """Style codes are [L, W]."""
    attributes: tuple[str, ...]
    """Names of those predicted."""
    measured: tuple[str, ...]
    """Names of those measured."""


class ShardWriter(Protocol):
    """Writes one shard."""

    def add(self, sample: Sample) -> None:
        """Write a sample."""

    def close(self) -> None:
        """Write the end. Without it the file is not whole."""


class TarShard:
    """Writes samples as members of a tar file: SEED.jpg, SEED.w.npy and SEED.json, side by side.

    Source: the WebDataset format, https://github.com/webdataset/webdataset: members whose names are the same up to
    the first dot belong together.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._suffix = CODECS[columns.format].suffix
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed by `close`

    def add(self, sample: Sample) -> None:
        """Write a sample."""
        code = io.BytesIO()
        np.save(code, sample.w, allow_pickle=False)
        record = json.dumps(sample.record(), separators=(",", ":")).encode()
        for suffix, data in ((self._suffix, sample.picture), (".w.npy", code.getvalue()), (".json", record)):
            # A fresh header has no time, no owner and no rights but 0644.
            member = tarfile.TarInfo(f"{sample.seed:020d}{suffix}")
            member.size = len(data)
            self._tar.addfile(member, io.BytesIO(data))

    def close(self) -> None:
        """Write the end."""
        self._tar.close()


def seeds_of_tar(path: Path) -> list[int]:
    """Give the seeds of the samples in a tar file, in order."""
    with tarfile.open(path, "r:") as tar:
        return [int(member.name.partition(".")[0]) for member in tar if member.name.endswith(".json")]


def pictures_of_tar(path: Path) -> Iterator[Picture]:
    """Give the pictures in a tar file, in order."""
    suffixes = tuple(codec.suffix for codec in CODECS.values())
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if member.name.endswith(suffixes) and (file := tar.extractfile(member)):
                yield int(member.name.partition(".")[0]), file.read()


class ParquetShard:
    """Writes samples as rows of a Parquet table, in groups of 128."""

    def __init__(self, path: Path, columns: Columns) -> None:
        parquet = _parquet()
        self._suffix = CODECS[columns.format].suffix
        self._schema = schema_of(columns)
        # Pictures do not get smaller a second time; and what is not packed is the same with every version of a codec.
        self._writer = parquet.ParquetWriter(
            path, self._schema, compression="none", use_dictionary=["settings.model"]
        )
        self._rows: list[dict[str, Any]] = []

    def add(self, sample: Sample) -> None:
        """Write a sample."""
        name = f"{sample.seed:020d}{self._suffix}"
        image = {"bytes": sample.picture, "path": name}
        self._rows.append(sample.record() | {"image": image, "w": sample.w.tolist()})
        if len(self._rows) == _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the end."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow

        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def schema_of(columns: Columns) -> "pyarrow.Schema":
    """Give the columns of a Parquet shard: seed, image, w, settings, attributes, measured, marks."""
    import pyarrow as pa

    floats = pa.list_(pa.float32())
    texts = ("model", "weights", "precision", "noise", "format")
    settings = {
        **{name: pa.string() for name in texts},
        "psi": pa.float64(),
        **{name: pa.int32() for name in ("cutoff", "label", "size_px", "quality")},
        "changes": pa.list_(pa.string()),
    }
    return pa.schema(
        {
            "seed": pa.uint64(),
            "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
            "w": pa.list_(floats) if columns.layered else floats,
            "settings": pa.struct(settings),
            "attributes": _floats_by_name(columns.attributes),
            "measured": _floats_by_name(columns.measured),
            "marks": pa.struct({name: pa.string() for name in ("watermark", "xmp")}),
        }
    )


def _floats_by_name(names: tuple[str, ...]) -> Any:
    import pyarrow as pa

    # Parquet has no place for a group without columns.
    return pa.struct({name: pa.float32() for name in names}) if names else pa.null()


def seeds_of_parquet(path: Path) -> list[int]:
    """Give the seeds of the samples in a Parquet table, in order."""
    seeds: list[int] = _parquet().read_table(path, columns=["seed"])["seed"].to_pylist()
    return seeds


def pictures_of_parquet(path: Path) -> Iterator[Picture]:
    """Give the pictures in a Parquet table, in order, no more than a group of rows in memory."""
    with _parquet().ParquetFile(path) as file:
        for batch in file.iter_batches(_ROW_GROUP, columns=["seed", "image"]):
            yield from ((row["seed"], row["image"]["bytes"]) for row in batch.to_pylist())


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise DependencyError("Parquet needs an extra: pip install 'nobodies[bulk]'") from None
    return parquet


@dataclass(frozen=True, slots=True)
class ShardFormat:
    """How one kind of shard is named, written and looked into."""

    suffix: str
    open: Callable[[Path, Columns], ShardWriter]
    seeds: Callable[[Path], list[int]]
    pictures: Callable[[Path], Iterator[Picture]]


SHARD_KINDS: Final[Mapping[ShardKind, ShardFormat]] = {
    "webdataset": ShardFormat(".tar", TarShard, seeds_of_tar, pictures_of_tar),
    "parquet": ShardFormat(".parquet", ParquetShard, seeds_of_parquet, pictures_of_parquet),
}
