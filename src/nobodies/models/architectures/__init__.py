"""Architectures: the sizes of a network, and the tensors that it needs. Free of anything that runs one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from nobodies.errors import WeightsError
from nobodies.models.architectures import grid


class Architecture(Protocol):
    """What can be said of every generator."""

    @property
    def z_dim(self) -> int:
        """Length of a latent code, Z."""

    @property
    def w_dim(self) -> int:
        """Length of a style code, W."""

    @property
    def c_dim(self) -> int:
        """Number of classes; 0 is unconditional."""

    @property
    def num_mapping_layers(self) -> int:
        """Depth of the mapping network."""

    @property
    def mapping_lr(self) -> float | None:
        """Equalised learning rate of the mapping network; None if its gains are folded into the weights."""

    @property
    def lrelu_slope(self) -> float:
        """Of the leaky ReLU below zero."""

    @property
    def num_ws(self) -> int:
        """Number of style codes that a picture takes, L."""

    @property
    def resolution(self) -> int:
        """Side of the picture in pixels, R."""

    @property
    def noise_layers(self) -> Sequence[tuple[str, int]]:
        """Name and side of each layer that takes noise, in order."""

    def tensor_shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Give name and shape of every tensor that the network needs."""


def read(network: Mapping[str, Any]) -> Architecture:
    """Read an architecture from the configuration of a model.

    Args:
        network: JSON values, as `describe` of the architecture's module writes them.

    Raises:
        WeightsError: it is none of those known, or its sizes do not fit together.
    """
    from nobodies.models.architectures import lucidrains, mobile_stylegan, stylegan2

    readers: dict[str, Callable[[Mapping[str, Any]], Architecture]] = {
        mobile_stylegan.NAME: mobile_stylegan.read,
        stylegan2.NAME: stylegan2.read,
        lucidrains.NAME: lucidrains.read,
    }
    name = str(network.get("architecture"))
    if name not in readers:
        raise WeightsError(f"the model is of architecture {name!r}: known are {', '.join(readers)}")
    return readers[name](network)


def check_tensors(architecture: Architecture, tensors: Mapping[str, Any]) -> None:
    """Make sure that every tensor is there with its shape and type.

    Raises:
        WeightsError: one is not.
    """
    shapes = dict(architecture.tensor_shapes())
    if grid.TENSOR in tensors:
        shapes[grid.TENSOR] = (3, grid.TILE_PX, grid.TILE_PX)
    for name, shape in shapes.items():
        if name not in tensors:
            raise WeightsError(f"the weights have no '{name}': fetch or convert the model again")
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != "float32":
            raise WeightsError(
                f"'{name}' is {tensor.dtype} {list(tensor.shape)}, but the network needs float32 {list(shape)}: "
                "fetch or convert the model again"
            )
