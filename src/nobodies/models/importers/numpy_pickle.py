"""Arrays and numbers of numpy, as they stand in pickles."""

import math
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.models.importers.pickles import Record, content

_MODULES: Final = ("numpy.core.multiarray", "numpy._core.multiarray")
NAMES: Final = frozenset(
    {
        "numpy.ndarray",
        "numpy.dtype",
        *(f"{module}.{name}" for module in _MODULES for name in ("_reconstruct", "scalar")),
    }
)
"""What may be named in a pickle that holds arrays."""

_NUMBERS: Final = re.compile(r"[fiu][1248]|b1")


def array(value: Any) -> NDArray[Any]:
    """Give the array that a record describes.

    Raises:
        WeightsError: it describes none, or one of another kind than numbers.
    """
    if not (isinstance(value, Record) and value.name.endswith("._reconstruct") and isinstance(value.state, tuple)):
        raise WeightsError("the file holds something else where an array of numbers should be")
    match value.state:
        case (_, tuple() as shape, dtype, order, numbers):
            kind, found = _dtype(dtype), content(numbers)
        case _:
            raise WeightsError("the file holds an array that cannot be read")
    if not all(isinstance(size, int) and size >= 0 for size in shape) or _bytes(shape, kind) != len(found):
        raise WeightsError(f"the file holds an array whose {len(found)} bytes do not fit its shape")
    return np.frombuffer(found, kind).reshape(shape, order="F" if order else "C")


def scalar(value: Any) -> NDArray[Any]:
    """Give the number that a record describes, as an array without axes.

    Raises:
        WeightsError: it describes none.
    """
    match value:
        case Record(args=(dtype, number)):
            kind, found = _dtype(dtype), content(number)
            if len(found) == kind.itemsize:
                return np.frombuffer(found, kind).reshape(())
    raise WeightsError("the file holds something else where a number should be")


def _bytes(shape: tuple[int, ...], kind: np.dtype[Any]) -> int:
    return math.prod(shape) * kind.itemsize


def _dtype(value: Any) -> np.dtype[Any]:
    if not (isinstance(value, Record) and value.name == "numpy.dtype" and isinstance(value.state, tuple)):
        raise WeightsError("the file holds an array of an unknown type")
    kind, order = value.args[0], value.state[1]
    if not (isinstance(kind, str) and _NUMBERS.fullmatch(kind) and order in ("<", ">", "|", "=")):
        raise WeightsError("the file holds an array of something else than numbers")
    return np.dtype(kind).newbyteorder(order)
