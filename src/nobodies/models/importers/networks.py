"""What all importers of StyleGAN2 have in common: networks under the official names, made into a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.models.architectures import check_tensors
from nobodies.models.architectures.lucidrains import Lucidrains
from nobodies.models.architectures.stylegan2 import StyleGan2, check_sizes

Array = NDArray[Any]
Tensors = Mapping[str, Array]

_FILTER: Final = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
_IGNORED: Final = ("num_batches_tracked",)
_BLOCK: Final = re.compile(r"synthesis\.b(\d{1,5})\.conv1\.weight")
_STYLEGAN3: Final = re.compile(r"synthesis\.(input\.|L\d+_\d+)")


@dataclass(frozen=True, slots=True)
class Networks:
    """What a file of weights holds, under the names of the official PyTorch release."""

    origin: str
    """Format of the file, in words."""
    generator: Tensors
    """The averaged generator, or the only one there is."""
    raw_generator: Tensors = field(default_factory=dict)
    """The generator as it was trained, if the file has both."""
    discriminator: Tensors = field(default_factory=dict)
    conv_clamp: float | None = None
    form: type[StyleGan2] = StyleGan2
    """StyleGAN2, or which variant of it."""


def without_filters(tensors: Tensors) -> dict[str, Array]:
    """Leave out the resampling filters, having made sure that they are the usual ones, and give float32.

    Raises:
        WeightsError: a filter is another.
    """
    kept = {}
    for name, tensor in tensors.items():
        if name.endswith("resample_filter"):
            if tensor.shape != _FILTER.shape or not np.allclose(tensor, _FILTER, atol=1e-4):
                raise WeightsError(f"'{name}' is another filter than 1 3 3 1: such networks are not read")
        elif not name.endswith(_IGNORED):
            kept[name] = np.ascontiguousarray(tensor, np.float32).reshape(tensor.shape)
    return kept


def architecture_of(networks: Networks) -> StyleGan2:
    """Tell the sizes of the averaged generator from its tensors.

    Raises:
        WeightsError: it is another network, incomplete, or has tensors that this one does not know.
    """
    tensors = networks.generator
    _name_others(tensors)
    try:
        sides = sorted(
            int(match[1]) for name in tensors if (match := re.fullmatch(r"synthesis\.b(\d+)\.conv1\.weight", name))
        )
        channels = {side: tensors[f"synthesis.b{side}.conv1.weight"].shape[0] for side in sides}
        first, w_dim = tensors["mapping.fc0.weight"], len(tensors["mapping.fc0.weight"])
        c_dim = tensors["mapping.embed.weight"].shape[1] if "mapping.embed.weight" in tensors else 0
        sizes = networks.form(
            z_dim=first.shape[1] - (w_dim if c_dim else 0),
            w_dim=w_dim,
            c_dim=c_dim,
            num_mapping_layers=sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in tensors),
            resolution=sides[-1],
            channels=channels,
            img_channels=len(tensors[f"synthesis.b{sides[-1]}.torgb.weight"]),
            conv_clamp=networks.conv_clamp,
        )
    except (KeyError, IndexError) as error:
        raise WeightsError(f"the file holds no whole StyleGAN2 generator: {error} is missing") from error
    check_sizes(sizes)
    known = {name for name, _ in sizes.tensor_shapes()}
    if odd := sorted(tensors.keys() - known):
        raise WeightsError(f"the generator has '{odd[0]}', which StyleGAN2 with skip synthesis does not: not read")
    return sizes


def made_here(sizes: StyleGan2) -> dict[str, tuple[int, ...]]:
    """Give names and shapes of tensors that a file may leave out, because they can be made anew."""
    average: dict[str, tuple[int, ...]] = {"mapping.w_avg": (sizes.w_dim,)}
    if not isinstance(sizes, Lucidrains):
        return average
    return average | {f"{layer}.noise_const": (size, size) for layer, size in sizes.noise_layers}


def check_complete(sizes: StyleGan2, tensors: Tensors) -> None:
    """Make sure that a generator has all tensors in their shapes, all of them finite.

    Raises:
        WeightsError: it does not.
    """
    check_tensors(sizes, tensors)
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise WeightsError(f"'{name}' holds values that are not finite numbers: the file is damaged")


def _name_others(tensors: Tensors) -> None:
    if any(_STYLEGAN3.match(name) for name in tensors):
        raise WeightsError("the file holds a StyleGAN3 network, whose layers are others: StyleGAN2 is read")
    if any(re.fullmatch(r"synthesis\.b\d+\.skip\.weight", name) for name in tensors):
        raise WeightsError("the generator is of the 'resnet' form: StyleGAN2 with skip synthesis is read")
