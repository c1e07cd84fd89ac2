"""Read the tensors of a PyTorch checkpoint without PyTorch, and without running anything that stands in it.

A checkpoint is a pickle, and a pickle may call any function. This reader knows four names, builds plain data for
them, and refuses every other.

Source: torch.serialization, the format written by torch.save before version 1.6 (five pickles and then raw storages).
"""

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError

Array = NDArray[Any]

_MOST_BYTES: Final = 1 << 30
_STORAGES: Final = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "LongStorage": "<i8"}
_MAGIC: Final = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True, slots=True)
class _StorageType:
    dtype: str


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state(path: Path) -> dict[str, Array]:
    """Read a state dictionary of tensors.

    Args:
        path: a file of the format that torch.save wrote before version 1.6.

    Returns:
        Arrays by name.

    Raises:
        WeightsError: it is another kind of file, is damaged, too large, or names anything but tensors.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size > _MOST_BYTES:
                raise WeightsError(f"{path.name} is over {_MOST_BYTES} bytes: it is not one of the known checkpoints")
            return _read(file)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}") from error
    except Exception as error:  # a damaged pickle raises whatever its bytes ask for
        raise WeightsError(f"{path.name} is not a checkpoint that can be read ({type(error).__name__})") from error


def _read(file: BinaryIO) -> dict[str, Array]:
    if _Reader(file).load() != _MAGIC:
        raise WeightsError("the file is not a PyTorch checkpoint of the old format")
    for _ in range(2):  # version of the protocol; sizes of types
        _Reader(file).load()
    tensors = _Reader(file).load()
    if not isinstance(tensors, dict):
        raise WeightsError("the checkpoint holds no dictionary of tensors")
    known = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {key: _storage(file, known[key]) for key in _Reader(file).load()}
    return {str(name): _array(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _storage(file: BinaryIO, storage: _Storage) -> Array:
    [count] = struct.unpack("<q", file.read(8))
    if count != storage.count:
        raise WeightsError(f"a storage of {storage.count} numbers is said to have {count}")
    content = file.read(count * np.dtype(storage.dtype).itemsize)
    return np.frombuffer(content, storage.dtype, count)


def _array(tensor: _Tensor, storage: Array) -> Array:
    """Copy a tensor out of its storage, having made sure that no stride reaches outside."""
    if len(tensor.shape) != len(tensor.strides) or min((tensor.offset, *tensor.shape, *tensor.strides)) < 0:
        raise WeightsError("a tensor of the checkpoint has an impossible shape")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, storage.dtype)
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True))
    if last >= storage.size or np.prod(tensor.shape, dtype=object) > storage.size:
        raise WeightsError("a tensor of the checkpoint does not lie in its storage")
    strides = [step * storage.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False).copy()


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _Reader(pickle.Unpickler):
    """A pickle reader that can build tensors' descriptions and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise WeightsError(f"the checkpoint names {module}.{name}: only tensors are read")

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, count = pid[:5]
        return _Storage(str(key), kind.dtype, int(count))
