import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from nobodies.latents.packing import pack, unpack

ARRAYS = st.dictionaries(
    st.text("abc_", min_size=1, max_size=5),
    hnp.arrays(
        st.sampled_from([np.float32, np.float16, np.int64, np.uint8]), hnp.array_shapes(min_dims=0, max_dims=3)
    ),
    min_size=1,
    max_size=3,
)


@given(ARRAYS, st.dictionaries(st.text("xyz", min_size=1), st.integers() | st.text(), max_size=3))
def test_what_is_packed_comes_back(arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
    data = pack(arrays, format="test-1", **about)
    assert pack(dict(reversed(arrays.items())), format="test-1", **about) == data
    found, said = unpack(data, format="test-1")
    assert said == {"format": "test-1"} | about
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_arrays_may_lie_in_any_order() -> None:
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    np.testing.assert_array_equal(unpack(pack({"a": turned}, format="t"), format="t")[0]["a"], turned)


def foreign(metadata: dict[str, str] | None) -> bytes:
    from safetensors.numpy import save

    return bytes(save({"a": np.zeros(2, np.float32)}, metadata=metadata))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not safetensors at all",
        foreign(None),
        foreign({"nobodies": "{"}),
        foreign({"nobodies": json.dumps([1])}),
    ],
)
def test_what_is_something_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(data, format="test-1")


def test_another_format_is_named() -> None:
    with pytest.raises(ValueError, match="its format is 'test-2'"):
        unpack(pack({}, format="test-2"), format="test-1")
