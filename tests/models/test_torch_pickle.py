import io
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.errors import WeightsError
from nobodies.models.importers.torch_pickle import read_state

MAGIC = 0x1950A86A20F9469CFC6C
WEIGHT = np.arange(24, dtype="<f4")


class Name:
    """Something that pickles as the bare name of a global, whether it exists here or not."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Writer(pickle._Pickler):  # the Python twin of Pickler: its dispatch can be extended
    dispatch: ClassVar[dict[Any, Any]] = pickle._Pickler.dispatch.copy()

    def persistent_id(self, obj: Any) -> Any:
        return obj if isinstance(obj, tuple) and obj[:1] == ("storage",) else None

    def save_name(self, obj: Name) -> None:
        self.write(f"c{obj.module}\n{obj.name}\n".encode())  # type: ignore[attr-defined]

    dispatch[Name] = save_name


class Call:
    """Something that pickles as a call."""

    def __init__(self, target: Name, arguments: tuple[Any, ...]) -> None:
        self.target, self.arguments = target, arguments


def save_call(self: Any, obj: Call) -> None:
    self.save(obj.target)
    self.save(obj.arguments)
    self.write(b"R")


Writer.dispatch[Call] = save_call


def dumped(value: Any) -> bytes:
    file = io.BytesIO()
    Writer(file, 2).dump(value)
    return file.getvalue()


def checkpoint(
    shape: tuple[int, ...] = (4, 6), strides: tuple[int, ...] = (6, 1), offset: int = 0, **extra: Any
) -> bytes:
    """What torch.save wrote before version 1.6, for one tensor."""
    storage = ("storage", Name("torch", "FloatStorage"), "7", "cpu", WEIGHT.size, None)
    tensor = Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, offset, shape, strides, False, OrderedDict()))
    parts = [MAGIC, 1001, {"little_endian": True}, OrderedDict({"conv.weight": tensor, **extra}), ["7"]]
    return b"".join(map(dumped, parts)) + struct.pack("<q", WEIGHT.size) + WEIGHT.tobytes()


def read(content: bytes, folder: Path) -> dict[str, Any]:
    path = folder / "model.pth"
    path.write_bytes(content)
    return read_state(path)


def test_tensors_are_read(tmp_path: Path) -> None:
    state = read(checkpoint(), tmp_path)
    assert list(state) == ["conv.weight"]
    assert np.array_equal(state["conv.weight"], WEIGHT.reshape(4, 6))


def test_transposed_tensors_are_read(tmp_path: Path) -> None:
    state = read(checkpoint(shape=(6, 4), strides=(1, 6)), tmp_path)
    assert np.array_equal(state["conv.weight"], WEIGHT.reshape(4, 6).T)


@pytest.mark.parametrize(
    "geometry",
    [
        {"shape": (5, 6), "strides": (6, 1)},
        {"offset": 1},
        {"offset": -1},
        {"strides": (-6, 1)},
        {"strides": (600, 1)},
        {"shape": (1 << 40, 6), "strides": (0, 1)},
        {"strides": (6,)},
    ],
)
def test_tensors_that_reach_outside_their_storage_are_refused(geometry: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        read(checkpoint(**geometry), tmp_path)


@pytest.mark.parametrize("name", [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("posix", "system")])
def test_calls_are_refused_not_made(name: tuple[str, str], tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    harm = Call(Name(*name), (f"touch {victim}",))
    with pytest.raises(WeightsError, match="weights do not need"):
        read(checkpoint(harm=harm), tmp_path)
    assert not victim.exists()


@given(data=st.data())
def test_damaged_files_are_refused_or_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytearray(checkpoint())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(content)))
    try:
        state = read(bytes(content[:length]), tmp_path_factory.getbasetemp())
    except WeightsError:
        return
    assert all(isinstance(tensor, np.ndarray) for tensor in state.values())


def test_absent_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state(tmp_path / "absent.pth")
    with pytest.raises(WeightsError):
        read(b"PK\x03\x04 a zip", tmp_path)
