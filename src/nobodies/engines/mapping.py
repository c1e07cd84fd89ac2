"""The mapping network: latent code z, and for some models a class, to style code w."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError, ShapeError
from nobodies.models.architectures import Architecture

Array = NDArray[np.float32]

_EPSILON: Final = np.float32(1e-8)


class MappingNetwork:
    """Fully connected layers over a normalised latent code.

    Each row is computed by itself, as a product of matrix and vector, so the code of a face does not change by a bit
    with its neighbours. Rows go through a layer one after the other, so that its weights are read once from memory.

    Source: StyleGAN, arXiv:1812.04948, section 2; classes as in StyleGAN2-ADA, arXiv:2006.06676.
    """

    def __init__(self, architecture: Architecture, tensors: Mapping[str, Array]) -> None:
        """Take the weights; they are copied only where gains are to be folded in."""
        self.z_dim = architecture.z_dim
        self.w_dim = architecture.w_dim
        self.c_dim = architecture.c_dim
        self._slope = np.float32(architecture.lrelu_slope)
        self._layers = list(folded_layers(architecture, tensors))
        self._classes = embedded_classes(architecture, tensors)

    def __call__(self, z: Array, *, label: int | None = None) -> Array:
        """Map latent codes [N, Z] to style codes [N, W].

        Args:
            z: latent codes.
            label: class of all of them, 0 to C - 1; None for a model without classes.

        Raises:
            ShapeError: `z` is not [N, Z].
            SettingError: the model wants a class and there is none, or the other way round.
        """
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ShapeError(f"z is {list(z.shape)}: this model takes [N, {self.z_dim}], one latent code a row")
        chosen = self._class(label)
        rows: list[Array] = [np.concatenate([normalized(code), chosen]) for code in z.astype(np.float32, copy=False)]
        for weight, bias in self._layers:
            rows = [self._activated(weight @ row + bias) for row in rows]
        ws = np.empty((len(z), self.w_dim), np.float32)
        for row, code in enumerate(rows):
            ws[row] = code
        return ws

    def _class(self, label: int | None) -> Array:
        if self.c_dim == 0:
            if label is not None:
                raise SettingError(f"label is {label}: this model has no classes; leave it out")
            return np.zeros(0, np.float32)
        if label is None or not 0 <= label < self.c_dim:
            came = "missing" if label is None else str(label)
            raise SettingError(f"label is {came}: this model has {self.c_dim} classes; choose 0 to {self.c_dim - 1}")
        chosen: Array = self._classes[label]
        return chosen

    def _activated(self, x: Array) -> Array:
        activated: Array = np.maximum(x, self._slope * x)
        return activated


def normalized(codes: Array) -> Array:
    """Scale codes [..., Z] to a mean square of 1."""
    scaled: Array = codes / np.sqrt(np.mean(codes * codes, axis=-1, keepdims=True) + _EPSILON)
    return scaled


def folded_layers(architecture: Architecture, tensors: Mapping[str, Array]) -> Iterator[tuple[Array, Array]]:
    """Give weight [W, I] and bias [W] of each layer, gains folded in, so that a plain leaky ReLU may follow."""
    for index in range(architecture.num_mapping_layers):
        weight, bias = (tensors[f"mapping.fc{index}.{part}"] for part in ("weight", "bias"))
        rate = architecture.mapping_lr
        if rate is None:
            yield weight, bias
        else:
            # Equalised learning rate (arXiv:1710.10196), and a gain of sqrt(2) that commutes with the leaky ReLU.
            gain = rate * math.sqrt(2)
            yield weight * np.float32(gain / math.sqrt(weight.shape[1])), bias * np.float32(gain)


def embedded_classes(architecture: Architecture, tensors: Mapping[str, Array]) -> Array:
    """Give what each class adds to the latent code, [C, W]."""
    if architecture.c_dim == 0:
        return np.zeros((0, architecture.w_dim), np.float32)
    weight, bias = tensors["mapping.embed.weight"], tensors["mapping.embed.bias"]
    return normalized(weight.T / np.float32(math.sqrt(architecture.c_dim)) + bias)
