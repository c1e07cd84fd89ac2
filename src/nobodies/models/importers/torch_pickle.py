"""Reads what torch.save wrote, without PyTorch, and without running anything that stands in it.

Two formats are in use: since version 1.6 a zip archive of one pickle and a member for each storage, before it five
pickles with the raw storages behind them. A storage that is pickled by itself, as inside the pickles of NVIDIA's
releases, is such an old archive again, kept as a string of bytes.

Source: torch.serialization.
"""

import math
import struct
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.files import map_bytes
from nobodies.models.importers.pickles import PERSISTENT, Name, Record, content, read_pickle

Array = NDArray[Any]

_MOST_BYTES: Final = 4 << 30
_MOST_MEMBERS: Final = 100_000
_MAGIC: Final = 0x1950A86A20F9469CFC6C
_ZIP: Final = b"PK\x03\x04"
_STORAGES: Final = {
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.DoubleStorage": "<f8",
    "torch.BFloat16Storage": "<u2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ByteStorage": "<u1",
    "torch.BoolStorage": "<b1",
}
_BFLOAT16: Final = "torch.BFloat16Storage"

TENSOR: Final = "torch._utils._rebuild_tensor_v2"
PARAMETER: Final = "torch._utils._rebuild_parameter"
NESTED: Final = "torch.storage._load_from_bytes"
DICT: Final = "collections.OrderedDict"

NAMES: Final = frozenset({*_STORAGES, TENSOR, PARAMETER, DICT, "torch.Size", "torch.serialization._get_layout"})
"""What may be named in a checkpoint of tensors."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the numbers of a tensor are."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Archive:
    """A checkpoint: what it holds, with records in the place of tensors, and where their numbers are."""

    root: Any
    _load: Callable[[Storage], Array]

    def tensor(self, value: Any) -> Array:
        """Give the tensor that a record describes.

        Raises:
            WeightsError: it describes none, or the tensor does not lie in its storage.
        """
        return tensor(value, self._load)


def read_archive(data: memoryview, names: Collection[str] = NAMES) -> Archive:
    """Read a checkpoint of either format.

    Args:
        data: the whole file.
        names: what may be named in it.

    Raises:
        WeightsError: it is damaged, or names something else.
    """
    return _read_zip(data, names) if bytes(data[:4]) == _ZIP else _read_old(data, names)


def read_state(path: Path) -> dict[str, Array]:
    """Read a state dictionary of tensors.

    Args:
        path: a file that torch.save wrote.

    Returns:
        Arrays by name.

    Raises:
        WeightsError: it is another kind of file, is damaged, too large, or names anything but tensors.
    """
    archive = read_archive(mapped(path))
    return {name: archive.tensor(value) for name, value in as_dict(archive.root).items()}


def mapped(path: Path, limit_bytes: int = _MOST_BYTES) -> memoryview:
    """Give the bytes of a file, which are read when they are looked at.

    Raises:
        WeightsError: it cannot be read, is empty, or over the limit.
    """
    try:
        size = path.stat().st_size
        if not 0 < size <= limit_bytes:
            raise WeightsError(f"{path.name} has {size} bytes: weights have 1 to {limit_bytes}")
        return map_bytes(path)
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror or error}") from error


def as_dict(value: Any) -> Mapping[str, Any]:
    """Give the entries of a dictionary, plain or ordered.

    Raises:
        WeightsError: it is none, or has keys that are not texts.
    """
    items = value.items if isinstance(value, Record) and not value.elements else value
    if not isinstance(items, dict) or not all(isinstance(key, str) for key in items):
        raise WeightsError("the file holds something else where a dictionary of tensors should be")
    return items


def is_tensor(value: Any) -> bool:
    """Whether a record describes a tensor."""
    return isinstance(value, Record) and value.name in (TENSOR, PARAMETER)


def tensor(value: Any, load: Callable[[Storage], Array] | None = None) -> Array:
    """Give the tensor that a record describes, bfloat16 as float32.

    Args:
        value: the record.
        load: gives the numbers of a storage that is kept outside of the pickle; there is none if None.

    Raises:
        WeightsError: it describes none, or the tensor does not lie in its storage.
    """
    if isinstance(value, Record) and value.name == PARAMETER and value.args:
        value = value.args[0]
    match value:
        case Record(name=name, args=(Record() as storage, int() as offset, tuple() as shape, tuple() as strides, *_)):
            if name == TENSOR:
                return _placed(_numbers(storage, load), offset, shape, strides)
    raise WeightsError("the file holds something else where a tensor should be")


def _numbers(storage: Record, load: Callable[[Storage], Array] | None) -> Array:
    if storage.name == PERSISTENT and load is not None:
        return load(_storage(storage))
    match storage:
        case Record(name=name, args=(archive,)) if name == NESTED:
            nested = read_archive(content(archive))
            if isinstance(nested.root, Record) and nested.root.name == PERSISTENT:
                return nested._load(_storage(nested.root))
    raise WeightsError("the file holds a tensor without its numbers")


def _storage(record: Record) -> Storage:
    match record.args:
        case (("storage", Name(text=kind), str() as key, str(), int() as count, *_),) if kind in _STORAGES:
            return Storage(kind, key, count)
    raise WeightsError("the file holds a tensor of an unknown type")


def _placed(numbers: Array, offset: int, shape: tuple[Any, ...], strides: tuple[Any, ...]) -> Array:
    """Copy a tensor out of its storage, having made sure that no stride reaches outside."""
    layout = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(isinstance(each, int) and each >= 0 for each in layout):
        raise WeightsError("a tensor of the file has an impossible shape")
    if 0 in shape:
        return np.zeros(shape, numbers.dtype)
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if last >= numbers.size or math.prod(shape) > numbers.size:
        raise WeightsError("a tensor of the file does not lie in its storage")
    steps = [step * numbers.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False).copy()


def _from_bytes(found: memoryview | bytes, storage: Storage) -> Array:
    kind = np.dtype(_STORAGES[storage.kind])
    if storage.count < 0 or len(found) != storage.count * kind.itemsize:
        raise WeightsError(f"a storage of {storage.count} numbers has {len(found)} bytes: the file is damaged")
    numbers = np.frombuffer(found, kind)
    if storage.kind != _BFLOAT16:
        return numbers
    return (numbers.astype(np.uint32) << 16).view(np.float32)


def _read_zip(data: memoryview, names: Collection[str]) -> Archive:
    try:
        archive = zipfile.ZipFile(_Window(data))
        members = {each.filename: each for each in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise WeightsError(f"the archive is damaged or cut short ({error}): get the file again") from error
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1 or len(members) > _MOST_MEMBERS:
        raise WeightsError("the file is a zip archive, but none that torch.save wrote")
    folder = pickles[0].removesuffix("data.pkl")

    def member_bytes(name: str) -> bytes:
        member = members.get(f"{folder}{name}")
        if member is None:
            raise WeightsError(f"the archive has no {name}: the file is damaged")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size > len(data):
            raise WeightsError(f"{name} of the archive is compressed: torch.save does not do that")
        try:
            return archive.read(member)
        except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{name} of the archive is damaged: get the file again") from error

    if f"{folder}byteorder" in members and member_bytes("byteorder") != b"little":
        raise WeightsError("the checkpoint was written on a big-endian machine: save it again on another")
    root, _ = read_pickle(memoryview(member_bytes("data.pkl")), names)
    return Archive(root, lambda storage: _from_bytes(member_bytes(f"data/{storage.key}"), storage))


def _read_old(data: memoryview, names: Collection[str]) -> Archive:
    magic, position = read_pickle(data, ())
    if magic != _MAGIC:
        raise WeightsError("the file is not one that torch.save wrote")
    for _ in range(2):  # version of the protocol; sizes of types
        _, position = read_pickle(data, (), start=position)
    root, position = read_pickle(data, names, start=position)
    keys, position = read_pickle(data, (), start=position)
    if not isinstance(keys, list):
        raise WeightsError("the checkpoint does not list its storages")
    begins: dict[str, int] = {}
    sizes = _old_sizes(root)
    for key in keys:
        begins[key] = position + 8
        position += 8 + sizes(key, _count_at(data, position))
    return Archive(root, lambda storage: _from_bytes(_old_content(data, begins, storage), storage))


def _count_at(data: memoryview, position: int) -> int:
    if position + 8 > len(data):
        raise WeightsError("the file is cut short: get it again")
    [count] = struct.unpack_from("<q", data, position)
    return int(count)


def _old_content(data: memoryview, begins: Mapping[str, int], storage: Storage) -> memoryview:
    begin = begins.get(storage.key)
    if begin is None or _count_at(data, begin - 8) != storage.count:
        raise WeightsError(f"the checkpoint has no storage of {storage.count} numbers for a tensor: it is damaged")
    return data[begin : begin + storage.count * np.dtype(_STORAGES[storage.kind]).itemsize]


def _old_sizes(root: Any) -> Callable[[str, int], int]:
    """Find out how long each storage is; the old format notes only how many numbers it has."""
    widths = {each.key: np.dtype(_STORAGES[each.kind]).itemsize for each in _storages(root)}

    def size(key: str, count: int) -> int:
        if key not in widths or count < 0:
            raise WeightsError("the checkpoint has a storage that no tensor uses: it is damaged")
        return widths[key] * count

    return size


def _storages(root: Any) -> list[Storage]:
    """Find all storages of a checkpoint, each value looked at once."""
    found, seen, waiting = [], set(), [root]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Record):
            if value.name == PERSISTENT:
                found.append(_storage(value))
                continue
            waiting += [*value.args, *value.items.values(), *value.elements, value.state]
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return found


class _Window:
    """Bytes as the zip reader wants them: a file to seek in."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._position = data, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._position, len(self._data))[whence]
        if base + offset < 0:
            raise ValueError("before the beginning of the file")
        self._position = base + offset
        return self._position

    def read(self, count: int = -1) -> bytes:
        end = len(self._data) if count < 0 else self._position + count
        taken = bytes(self._data[self._position : end])
        self._position += len(taken)
        return taken
