"""What the engine needs of an architecture: how to build its two graphs, and what noise they take.

The coarse graph takes style codes [L, W] and the first noise maps. Its outputs are the first inputs of the fine
graph, whose other inputs are the rest of the noise maps, and whose only output is the picture.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import openvino
from numpy.typing import NDArray

from nobodies.engines.openvino.cuts import Cuts, Output
from nobodies.engines.openvino.graph import MobileGraphs
from nobodies.engines.openvino.lucidrains import LucidrainsGraphs
from nobodies.engines.openvino.stylegan2 import StyleGan2Graphs
from nobodies.errors import WeightsError
from nobodies.models.architectures import Architecture, lucidrains, mobile_stylegan, stylegan2

Array = NDArray[np.float32]


class Graphs(Protocol):
    """Builds the coarse and the fine graph of one network."""

    @property
    def cuts(self) -> Cuts:
        """Where the network is cut."""

    @property
    def num_coarse_maps(self) -> int:
        """How many of the layers that take noise are in the coarse graph."""

    def noise(self) -> list[tuple[Array, np.float32]]:
        """Give what is added at each layer that takes noise, [R, R], and the factor of a standard normal map."""

    def build_coarse(self) -> openvino.Model:
        """Build the coarse graph."""

    def build_fine(self, output: Output) -> openvino.Model:
        """Build the fine graph."""


def graphs_of(architecture: Architecture, tensors: Mapping[str, Array], cuts: Cuts) -> Graphs:
    """Give the builder of an architecture's graphs.

    Raises:
        WeightsError: this engine does not run that architecture.
    """
    match architecture:
        case mobile_stylegan.Architecture():
            return MobileGraphs(architecture, tensors, cuts)
        case lucidrains.Lucidrains():
            return LucidrainsGraphs(architecture, tensors, cuts)
        case stylegan2.StyleGan2():
            return StyleGan2Graphs(architecture, tensors, cuts)
    raise WeightsError(f"this engine does not run {type(architecture).__name__}")
