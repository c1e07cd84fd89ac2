"""Short names for the operations that graphs are built of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from openvino import opset13 as op


def constant(values: Any) -> Any:
    """Make a constant node of 32-bit floats."""
    return op.constant(np.ascontiguousarray(values, np.float32))


def integers(*values: int) -> Any:
    """Make a constant node of a list of whole numbers: a shape, an order of axes."""
    return op.constant(np.array(values, np.int64))


def cut(x: Any, first: Sequence[int], last: Sequence[int], axes: Sequence[int]) -> Any:
    """Take [first, last) along each of some axes."""
    return op.slice(x, integers(*first), integers(*last), integers(*[1] * len(axes)), integers(*axes))


def convolve(x: Any, weight: Any, padding: int = 0) -> Any:
    """Convolve with stride 1; zeros lie beyond the edges."""
    return op.convolution(x, weight, [1, 1], [padding, padding], [padding, padding], [1, 1])
