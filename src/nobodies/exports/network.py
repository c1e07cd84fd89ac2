"""Both networks written down plainly for export: mapping, truncation and synthesis, for any number of pictures."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from nobodies.engines.mapping import folded_layers
from nobodies.errors import WeightsError
from nobodies.exports.ops import Ops
from nobodies.models.architectures import Architecture, lucidrains, mobile_stylegan, stylegan2
from nobodies.models.architectures.grid import CELL_PX, LIMIT, TILE_PX, block_px, part_px, projection
from nobodies.models.architectures.grid import TENSOR as GRID

Array = NDArray[np.float32]
T = TypeVar("T")

_EPSILON: Final = 1e-8
_TAPS: Final = np.array([1, 3, 3, 1], np.float32) / 4
_FILTER: Final[Array] = np.outer(_TAPS, _TAPS).astype(np.float32)
_BLUR: Final[Array] = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / np.float32(16)


class Network(Generic[T]):
    """A generator in the operations of one target."""

    def __init__(self, ops: Ops[T], architecture: Architecture, tensors: Mapping[str, Any]) -> None:
        """Take operations, sizes and weights."""
        self._ops, self._architecture, self._tensors = ops, architecture, tensors

    def map(self, z: T, label: T | None = None) -> T:
        """Map latent codes [N, Z], and classes as [N, C] of zeros and a one, to style codes [N, W]."""
        ops, sizes = self._ops, self._architecture
        x = self._normalized(z)
        if label is not None:
            weight, bias = self._tensors["mapping.embed.weight"], self._tensors["mapping.embed.bias"]
            embedded = ops.matmul(label, weight / np.float32(math.sqrt(sizes.c_dim)))
            x = ops.concat([x, self._normalized(ops.add(embedded, ops.constant(bias[None])))])
        for weight, bias in folded_layers(sizes, self._tensors):
            x = ops.leaky_relu(ops.add(ops.matmul(x, weight), ops.constant(bias[None])), sizes.lrelu_slope)
        return x

    def truncate(self, w: T, psi: T) -> T:
        """Pull style codes [N, W] toward the average; psi is one number."""
        ops = self._ops
        average = ops.constant(self._tensors["mapping.w_avg"][None])
        return ops.add(average, ops.multiply(ops.subtract(w, average), psi))

    def synthesize(self, code: Callable[[int], T]) -> T:
        """Draw pictures [N, 3, R, R], about -1 to 1, with the stored noise.

        Args:
            code: gives the style codes [N, W] of a layer, by its number.

        Raises:
            WeightsError: the architecture cannot be exported.
        """
        match self._architecture:
            case mobile_stylegan.Architecture():
                return _Mobile(self._ops, self._architecture, self._tensors, code).draw()
            case lucidrains.Lucidrains():
                return _Lucidrains(self._ops, self._architecture, self._tensors, code).draw()
            case stylegan2.StyleGan2():
                return _StyleGan2(self._ops, self._architecture, self._tensors, code).draw()
        raise WeightsError(f"{type(self._architecture).__name__} cannot be exported")

    def _normalized(self, x: T) -> T:
        ops = self._ops
        mean = ops.row_mean(ops.multiply(x, x))
        return ops.divide(x, ops.sqrt(ops.add(mean, ops.constant(np.array([[_EPSILON]], np.float32)))))


class _StyleGan2(Generic[T]):
    """Source: StyleGAN2, arXiv:1912.04958."""

    def __init__(
        self, ops: Ops[T], sizes: stylegan2.StyleGan2, tensors: Mapping[str, Any], code: Callable[[int], T]
    ) -> None:
        self._ops, self._sizes, self._tensors = ops, sizes, tensors
        self._gain = np.float32(sizes.lrelu_gain)
        self._styles = {layer: self._style(layer, code(index)) for layer, _, index in sizes.modulated_layers()}

    def draw(self) -> T:
        x = self._first()
        picture = self._to_rgb(x, 4)
        for size in list(self._sizes.channels)[1:]:
            x = self._convolved(x, f"synthesis.b{size}.conv0", doubled=True)
            x = self._convolved(x, f"synthesis.b{size}.conv1")
            picture = self._ops.add(self._upsampled(picture), self._to_rgb(x, size))
        return picture

    def _first(self) -> T:
        return self._convolved(self._ops.constant(self._tensors["synthesis.b4.const"][None]), "synthesis.b4.conv1")

    def _style(self, layer: str, code: T) -> T:
        weight, bias = (self._tensors[f"{layer}.affine.{part}"] for part in ("weight", "bias"))
        gain = np.float32(1 / math.sqrt(weight.shape[0])) if layer.endswith("torgb") else np.float32(1)
        product = self._ops.matmul(code, weight * (gain / np.float32(math.sqrt(weight.shape[1]))))
        return self._ops.add(product, self._ops.constant(bias[None] * gain))

    def _scaled(self, x: T, layer: str) -> T:
        width = len(self._tensors[f"{layer}.affine.bias"])
        return self._ops.multiply(x, self._ops.as_channels(self._styles[layer], width))

    def _convolved(self, x: T, layer: str, *, doubled: bool = False) -> T:
        ops, weight = self._ops, self._tensors[f"{layer}.weight"]
        x = self._scaled(x, layer)
        y = self._convolved_doubled(x, weight) if doubled else ops.convolve(x, weight, padding=1)
        y = ops.multiply(y, ops.as_channels(self._demodulation(layer), len(weight)))
        y = ops.add(y, self._noise(layer))
        y = ops.add(y, ops.constant(self._tensors[f"{layer}.bias"][None, :, None, None] * self._gain))
        return self._clipped(ops.leaky_relu(y, self._sizes.lrelu_slope))

    def _convolved_doubled(self, x: T, weight: Array) -> T:
        grown = self._ops.grow(x, np.ascontiguousarray(weight.transpose(1, 0, 2, 3)))
        kernels = np.broadcast_to(_FILTER, (len(weight), 1, 4, 4)).copy()
        return self._ops.convolve(grown, kernels, padding=1, groups=len(weight))

    def _noise(self, layer: str) -> T:
        noise = self._tensors[f"{layer}.noise_const"] * self._tensors[f"{layer}.noise_strength"] * self._gain
        return self._ops.constant(noise[None, None])

    def _demodulation(self, layer: str) -> T:
        ops = self._ops
        energy = np.square(self._tensors[f"{layer}.weight"]).sum(axis=(2, 3))
        total = ops.matmul(ops.multiply(self._styles[layer], self._styles[layer]), energy)
        root = ops.sqrt(ops.add(total, ops.constant(np.array([[_EPSILON]], np.float32))))
        return ops.divide(ops.constant(np.array([[self._gain]], np.float32)), root)

    def _to_rgb(self, x: T, size: int) -> T:
        layer = f"synthesis.b{size}.torgb"
        weight, bias = (_coloured(self._tensors[f"{layer}.{part}"]) for part in ("weight", "bias"))
        y = self._ops.convolve(self._scaled(x, layer), weight)
        return self._clipped(self._ops.add(y, self._ops.constant(bias[None, :, None, None])))

    def _upsampled(self, picture: T) -> T:
        grown = self._ops.grow(picture, np.eye(3, dtype=np.float32)[:, :, None, None])  # side 2H - 1
        kernels = np.broadcast_to(_FILTER, (3, 1, 4, 4)).copy()
        return self._ops.convolve(grown, kernels, padding=2, groups=3)

    def _clipped(self, x: T) -> T:
        return x if self._sizes.conv_clamp is None else self._ops.clip(x, self._sizes.conv_clamp)


class _Lucidrains(_StyleGan2[T]):
    """What is otherwise; see `nobodies.models.architectures.lucidrains`."""

    def _first(self) -> T:
        x = self._ops.constant(self._tensors["synthesis.b4.const"][None])
        return self._convolved(self._convolved(x, "synthesis.b4.conv0"), "synthesis.b4.conv1")

    def _convolved_doubled(self, x: T, weight: Array) -> T:
        return self._ops.convolve(self._ops.interpolate(x), weight, padding=1)

    def _noise(self, layer: str) -> T:
        strengths = self._tensors[f"{layer}.noise_strength"][None, :, None, None]
        noise = self._tensors[f"{layer}.noise_const"][None, None]
        return self._ops.multiply(self._ops.constant(noise), self._ops.constant(strengths))

    def _upsampled(self, picture: T) -> T:
        kernels = np.broadcast_to(_BLUR, (3, 1, 3, 3)).copy()
        return self._ops.convolve(self._ops.reflect(self._ops.interpolate(picture)), kernels, groups=3)


class _Mobile(Generic[T]):
    """Source: MobileStyleGAN, arXiv:2104.04767, figure 3."""

    def __init__(
        self, ops: Ops[T], sizes: mobile_stylegan.Architecture, tensors: Mapping[str, Any], code: Callable[[int], T]
    ) -> None:
        self._ops, self._sizes, self._tensors = ops, sizes, tensors
        self._styles = {
            layer: self._style(layer, code(index), width)
            for index, (layer, width) in enumerate(sizes.modulated_layers())
        }

    def draw(self) -> T:
        ops, first = self._ops, "synthesis.b4.conv1"
        x = ops.multiply(ops.constant(self._tensors["synthesis.b4.const"][None]), self._styles[first])
        x = self._activated(ops.convolve(x, self._tensors[f"{first}.weight"], padding=1), first)
        for block in self._sizes.blocks:
            x = self._merged(ops.multiply(x, self._styles[f"{block.name}.up"]))
            for layer in (f"{block.name}.conv0", f"{block.name}.conv1"):
                kernels = self._tensors[f"{layer}.depthwise.weight"]
                x = ops.multiply(x, self._styles[layer])
                x = ops.convolve(x, kernels, padding=1, groups=len(kernels))
                x = self._activated(ops.convolve(x, self._tensors[f"{layer}.pointwise.weight"]), layer)
        x = ops.convolve(ops.multiply(x, self._styles["synthesis.torgb"]), self._tensors["synthesis.torgb.weight"])
        bias = self._tensors["synthesis.torgb.bias"][None, :, None, None]
        picture = self._merged(ops.add(x, ops.constant(bias)))
        return self._without_grid(picture) if GRID in self._tensors else picture

    def _style(self, layer: str, code: T, width: int) -> T:
        weight, bias = (self._tensors[f"{layer}.affine.{part}"] for part in ("weight", "bias"))
        return self._ops.as_channels(
            self._ops.add(self._ops.matmul(code, weight), self._ops.constant(bias[None])), width
        )

    def _activated(self, x: T, layer: str) -> T:
        ops = self._ops
        x = ops.add(x, ops.constant(self._tensors[f"{layer}.bias"][None, :, None, None]))
        x = ops.add(x, ops.constant(self._tensors[f"{layer}.noise_const"][None, None]))
        return ops.leaky_relu(x, self._sizes.lrelu_slope)

    def _merged(self, x: T) -> T:
        """Put the four subbands of a Haar transform [N, 4C, H, W] together to [N, C, 2H, 2W]."""
        ops = self._ops
        x = ops.multiply(x, ops.constant(np.full((1, 1, 1, 1), 0.5, np.float32)))
        ll, lh, hl, hh = ops.bands(x, 4)
        low = ops.add(ll, lh), ops.subtract(ll, lh)
        high = ops.add(hl, hh), ops.subtract(hl, hh)
        phases = [part for a, b in zip(low, high, strict=True) for part in (ops.add(a, b), ops.subtract(a, b))]
        return ops.phases_to_space(ops.concat(phases))

    def _without_grid(self, picture: T) -> T:
        """Take the grid out of [N, 3, R, R]: see `nobodies.models.architectures.grid`."""
        ops, side = self._ops, self._sizes.resolution
        num_blocks, num_parts = side // block_px(side), block_px(side) // part_px(side)
        num_cells = part_px(side) // CELL_PX
        tile = np.tile(self._tensors[GRID], (1, 1, side // TILE_PX)).reshape(1, 1, 3, 1, TILE_PX * side)
        tiles = ops.reshape(ops.planes(picture), -1, 1, 3, side // TILE_PX, TILE_PX * side)
        plain = ops.subtract(tiles, ops.constant(tile))
        means = ops.mean(ops.reshape(plain, -1, num_cells, CELL_PX * side))
        rows = ops.reshape(means, -1, CELL_PX, num_blocks * num_parts, num_cells * CELL_PX)
        parts = ops.reshape(ops.swap(rows), -1, CELL_PX * num_cells * CELL_PX)
        # Means over cells side by side are taken by the product that projects them.
        square = projection().reshape(-1, CELL_PX, 1, CELL_PX)
        weight = np.repeat(square, num_cells, axis=2).reshape(len(square), -1) / num_cells
        patterns = ops.clip(ops.matmul(parts, np.ascontiguousarray(weight, np.float32)), LIMIT)
        across = ops.mean(ops.reshape(patterns, -1, num_parts, len(square)))
        pattern = ops.mean(ops.reshape(across, -1, num_parts, num_blocks * len(square)))
        cells = ops.reshape(ops.swap(ops.reshape(pattern, -1, num_blocks, CELL_PX, CELL_PX)), -1, 1, CELL_PX)
        num_cells *= num_parts
        spread = ops.add(cells, ops.constant(np.zeros((1, num_cells, CELL_PX), np.float32)))
        blocks = ops.reshape(plain, -1, num_cells, CELL_PX * side)
        freed = ops.subtract(blocks, ops.reshape(spread, -1, 1, CELL_PX * side))
        return ops.from_planes(ops.reshape(freed, -1, 3, side, side))


def _coloured(values: Array) -> Array:
    """Give a grey network's layer to colours, [1, ...], the same colour three times."""
    return np.repeat(values, 3, axis=0) if len(values) == 1 else values
