"""The operations that networks are written in for export. Each target supplies them once, for its own kind of graph.

`T` is whatever the target calls a node. Feature maps are [N, C, H, W] and codes [N, F]; N may be open.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
T = TypeVar("T")


class Ops(Protocol[T]):
    """What a target can do."""

    def constant(self, values: Array) -> T:
        """Put numbers into the graph."""

    def add(self, a: T, b: T) -> T:
        """Add, with broadcasting."""

    def subtract(self, a: T, b: T) -> T:
        """Subtract, with broadcasting."""

    def multiply(self, a: T, b: T) -> T:
        """Multiply, with broadcasting."""

    def divide(self, a: T, b: T) -> T:
        """Divide, with broadcasting."""

    def sqrt(self, x: T) -> T:
        """Take square roots."""

    def row_mean(self, x: T) -> T:
        """Average each row of [N, F] to [N, 1]."""

    def matmul(self, x: T, weight: Array) -> T:
        """Multiply [N, I] by the transpose of a weight [O, I]."""

    def leaky_relu(self, x: T, slope: float) -> T:
        """Multiply what is below zero by a slope."""

    def clip(self, x: T, limit: float) -> T:
        """Clip to plus or minus a limit."""

    def convolve(self, x: T, weight: Array, *, padding: int = 0, groups: int = 1) -> T:
        """Correlate with a weight [O, I / groups, K, K]; zeros lie beyond the edges."""

    def grow(self, x: T, weight: Array) -> T:
        """Transposed convolution of stride 2 without padding, weight [I, O, K, K]."""

    def interpolate(self, x: T) -> T:
        """Double the side by bilinear interpolation between the middles of pixels; beyond the edges lie the edges."""

    def reflect(self, x: T) -> T:
        """Add a line at each edge, which mirrors the line next to that edge."""

    def as_channels(self, x: T, channels: int) -> T:
        """Turn [N, C] into [N, C, 1, 1]."""

    def layer_code(self, ws: T, layer: int) -> T:
        """Take the code [N, W] of one layer out of [N, L, W]."""

    def bands(self, x: T, count: int) -> Sequence[T]:
        """Split channels into equal parts, in order."""

    def concat(self, parts: Sequence[T]) -> T:
        """Join along the second axis."""

    def phases_to_space(self, x: T) -> T:
        """Turn four phases [N, 4C, H, W], in the order of rows and columns, into [N, C, 2H, 2W]."""

    def planes(self, x: T) -> T:
        """Give a feature map as [N, C, H, W], whatever the order inside."""

    def from_planes(self, x: T) -> T:
        """Give [N, C, H, W] back as a feature map."""

    def reshape(self, x: T, *shape: int) -> T:
        """Give another shape; the axes are as they lie, and -1 stands for what is left."""

    def swap(self, x: T) -> T:
        """Swap the two axes in the middle of four."""

    def mean(self, x: T) -> T:
        """Average over the second of three axes, which stays with a length of 1."""
