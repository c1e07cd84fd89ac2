"""The slow twin of every engine: the synthesis network written down plainly, in double precision.

It exists to be read and to be compared with. Nothing is folded, fused or reordered; a picture of 1024 px would take
minutes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nobodies.models.architectures.grid import TENSOR as GRID
from nobodies.models.architectures.grid import without_grid
from nobodies.models.architectures.mobile_stylegan import NUM_SUBBANDS, Architecture

Float = NDArray[np.float64]


def synthesize(
    architecture: Architecture,
    tensors: Mapping[str, NDArray[np.float32]],
    ws: NDArray[np.float32],
    noise: Sequence[NDArray[np.float32]] | None = None,
) -> Float:
    """Draw one picture.

    Args:
        architecture: sizes of the network.
        tensors: its weights.
        ws: style codes, [L, W].
        noise: the map to add at each layer that takes noise, [R, R]; the stored ones if None.

    Returns:
        [3, R, R], about -1 to 1.

    Source: MobileStyleGAN, arXiv:2104.04767, figure 3.
    """
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    layers = [name for name, _ in architecture.modulated_layers()]
    scales: dict[str, Float] = {
        name: weights[f"{name}.affine.weight"] @ w.astype(np.float64) + weights[f"{name}.affine.bias"]
        for name, w in zip(layers, ws, strict=True)
    }
    noise_layers = [name for name, _ in architecture.noise_layers]
    maps = (
        {name: weights[f"{name}.noise_const"] for name in noise_layers}
        if noise is None
        else dict(zip(noise_layers, (each.astype(np.float64) for each in noise), strict=True))
    )

    def modulated(x: Float, layer: str) -> Float:
        return x * scales[layer][:, None, None]

    def activated(x: Float, layer: str) -> Float:
        x = x + maps[layer] + weights[f"{layer}.bias"][:, None, None]
        return np.asarray(np.where(x > 0, x, architecture.lrelu_slope * x))

    x = convolve(modulated(weights["synthesis.b4.const"], "synthesis.b4.conv1"), weights["synthesis.b4.conv1.weight"])
    x = activated(x, "synthesis.b4.conv1")
    for block in architecture.blocks:
        x = inverse_haar(modulated(x, f"{block.name}.up"))
        for layer in (f"{block.name}.conv0", f"{block.name}.conv1"):
            x = convolve_channels(modulated(x, layer), weights[f"{layer}.depthwise.weight"][:, 0])
            x = activated(convolve(x, weights[f"{layer}.pointwise.weight"]), layer)
    x = convolve(modulated(x, "synthesis.torgb"), weights["synthesis.torgb.weight"])
    picture = inverse_haar(x + weights["synthesis.torgb.bias"][:, None, None])
    return without_grid(picture, tensors[GRID]) if GRID in tensors else picture


def inverse_haar(x: Float) -> Float:
    """Put the subbands [4C, H, W], in the order LL, LH, HL, HH, together to [C, 2H, 2W].

    The transform is orthonormal: energy is kept.
    """
    ll, lh, hl, hh = np.split(x, NUM_SUBBANDS)
    channels, height, width = ll.shape
    y = np.empty((channels, 2 * height, 2 * width))
    y[:, 0::2, 0::2] = (ll + lh + hl + hh) / 2
    y[:, 0::2, 1::2] = (ll + lh - hl - hh) / 2
    y[:, 1::2, 0::2] = (ll - lh + hl - hh) / 2
    y[:, 1::2, 1::2] = (ll - lh - hl + hh) / 2
    return y


def convolve(x: Float, weight: Float) -> Float:
    """Correlate [C, H, W] with [O, C, K, K], K odd; zeros lie beyond the edges."""
    return np.asarray(sum(np.tensordot(weight[:, :, i, j], part, 1) for i, j, part in _shifted(x, weight.shape[2])))


def convolve_channels(x: Float, weight: Float) -> Float:
    """Correlate each channel of [C, H, W] with its own kernel of [C, K, K], K odd."""
    return np.asarray(sum(weight[:, i, j, None, None] * part for i, j, part in _shifted(x, weight.shape[1])))


def _shifted(x: Float, size: int) -> list[tuple[int, int, Float]]:
    reach = size // 2
    height, width = x.shape[1:]
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    return [(i, j, padded[:, i : i + height, j : j + width]) for i in range(size) for j in range(size)]
