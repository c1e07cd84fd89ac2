"""Hostile, broken and honest pickles."""

import contextlib
import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.errors import WeightsError
from nobodies.models.importers import official_tensorflow, official_torch, rosinality
from nobodies.models.importers.files import read_networks
from nobodies.models.importers.pickles import Name, Record, read_pickle

ALLOWED = official_torch.NAMES | official_tensorflow.NAMES | rosinality.NAMES
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def read(data: bytes) -> Any:
    return read_pickle(memoryview(data), ALLOWED)[0]


@given(value=_VALUES, protocol=st.integers(2, 5))
def test_plain_data_is_read_as_python_reads_it(value: Any, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)) == value


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(WeightsError):
        read(b"\x80\x04" + data)


class Calls:
    """Pickles to a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (os.system, "touch {marker}"),
        (eval, "open('{marker}', 'w')"),
        (exec, "open('{marker}', 'w')"),
        (__import__, "antigravity"),
        (getattr, "x"),
        (open, "{marker}"),
        (pickle.loads, b"x"),
    ],
)
def test_calls_are_refused_by_name_and_not_made(tmp_path: Path, protocol: int, function: Any, argument: Any) -> None:
    marker = tmp_path / "marker"
    if isinstance(argument, str):
        argument = argument.format(marker=marker)
    path = tmp_path / "hostile.pkl"
    path.write_bytes(pickle.dumps({"G_ema": Calls(function, argument)}, protocol))
    with pytest.raises(WeightsError, match=r"it names '\w+\.\w+', which weights do not need.*nothing of it was run"):
        read_networks(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(X\x02\0\0\0lstR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x0cgetattr.x\x93.",
        b"(S'ls'\nios\nsystem\n.",
        b"(cos\nsystem\nX\x02\0\0\0lso.",
        b"\x80\x02\x82\x01.",
        b"\x80\x04\x8c\x0btorch._utils\x8c\x1b_rebuild_tensor_v2.__globals__\x93.",
        b"\x80\x04)\x8c\x01a\x93.",
        b"\x80\x04})R.",
        b"\x80\x04)\x81.",
        b"\x80\x05\x97.",
    ],
)
def test_other_ways_to_a_call_are_refused(data: bytes) -> None:
    with pytest.raises(WeightsError):
        read(data)


def test_an_allowed_name_is_written_down_and_not_called() -> None:
    made = read(b"\x80\x04\x8c\x05torch\x8c\x06device\x93\x8c\x04cuda\x85R.")
    assert isinstance(made, Record)
    assert (made.name, made.args) == ("torch.device", ("cuda",))
    assert read(b"\x80\x04\x8c\x05torch\x8c\x06device\x93.") == Name("torch.device")


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60),
        b"\x80\x04B\xff\xff\xff\xff",
        b"\x80\x04\x96" + struct.pack("<Q", (1 << 64) - 1),
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62),
        b"\x80\x04\x8b\xff\xff\xff\x7f",
        b"\x80\x04\x8b\xff\xff\xff\xff",
        b"\x80\x04Nr\xff\xff\xff\xff0j\xff\xff\xff\xff" * 3,
        b"\x80\x04" + b"(" * 1_000_000,
        b"\x80\x04" + b"]" + b"(" * 9_000 + b"t" * 9_000 + b"a" + b"(" * 20_000,
        b"\x80\x04" + b"N" * 5_000_000,
        b"\x80\x04" + b")\x94" + b"h\x00h\x00\x86" * 100_000,
    ],
    ids=range(11),
)
def test_bombs_stay_small_and_are_refused(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 400 << 20
    finally:
        tracemalloc.stop()


def test_a_billion_laughs_are_shared_and_never_hashed() -> None:
    doubled = b"".join(b"h%c" % index * 2 + b"\x86\x94" for index in range(100))
    value = read(b"\x80\x04N\x94" + doubled + b".")
    for _ in range(100):
        value = value[0]
    assert value is None
    with pytest.raises(WeightsError, match="damaged"):
        read(b"\x80\x04}N\x94" + doubled + b"Ns.")


def test_a_deep_nest_is_let_go_of_without_recursion() -> None:
    value = read(b"\x80\x04)" + b"\x85" * 1_000_000 + b".")
    assert isinstance(value, tuple)
    del value


def test_every_truncation_is_found() -> None:
    whole = pickle.dumps({"weights": [1, 2.5, "text", b"bytes", (None, True)]}, 4)
    assert read(whole)
    for length in range(len(whole)):
        with pytest.raises(WeightsError):
            read(whole[:length])
