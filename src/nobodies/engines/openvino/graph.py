"""The synthesis network of MobileStyleGAN as two OpenVINO graphs: a coarse one and a fine one.

The coarse graph makes the features at low resolution, and from the style codes all scales of the fine graph. It holds
a sixteenth of the work and most of what rounding can do to a picture: errors made at 4 to 32 px move whole features
of the face. So it is always run in f32, whatever the precision of the fine one; docs/log/engine.md has the figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as op

from nobodies.engines.openvino.cuts import Cuts, Output
from nobodies.engines.openvino.grid import Grid
from nobodies.engines.openvino.layers import Layers
from nobodies.engines.openvino.ops import constant, cut
from nobodies.engines.openvino.strips import Rows, plan
from nobodies.models.architectures.grid import TENSOR as GRID
from nobodies.models.architectures.mobile_stylegan import Architecture, Block

Array = NDArray[np.float32]

STYLES: Final = "ws"
"""Name of the coarse graph's input for style codes, [L, W]. Inputs for noise maps are named by their layer."""
FEATURES: Final = "features"
"""Name of the feature map that the coarse graph hands to the fine one."""


@dataclass(frozen=True, slots=True)
class MobileGraphs:
    """The two graphs of a MobileStyleGAN generator."""

    architecture: Architecture
    tensors: Mapping[str, Array]
    cuts: Cuts

    @property
    def num_coarse_maps(self) -> int:
        """How many of the layers that take noise are in the coarse graph."""
        return 1 + 2 * len(coarse_blocks(self.architecture, self.cuts))

    def noise(self) -> list[tuple[Array, np.float32]]:
        """Give the stored map of each layer that takes noise, and what a standard normal map is multiplied by."""
        # A stored map is the strength that was learned times one draw of standard normal noise.
        maps = [self.tensors[f"{layer}.noise_const"] for layer, _ in self.architecture.noise_layers]
        return [(each, np.float32(each.std())) for each in maps]

    def build_coarse(self) -> openvino.Model:
        """Build the coarse graph; see the function of that name."""
        return build_coarse(self.architecture, self.tensors, self.cuts)

    def build_fine(self, output: Output) -> openvino.Model:
        """Build the fine graph; see the function of that name."""
        return build_fine(self.architecture, self.tensors, self.cuts, output)


def coarse_blocks(architecture: Architecture, cuts: Cuts) -> tuple[Block, ...]:
    """Give the blocks of the coarse graph."""
    return tuple(block for block in architecture.blocks if block.size_px <= cuts.coarse_to_px)


def fine_blocks(architecture: Architecture, cuts: Cuts) -> tuple[Block, ...]:
    """Give the blocks of the fine graph."""
    return tuple(block for block in architecture.blocks if block.size_px > cuts.coarse_to_px)


def build_coarse(architecture: Architecture, tensors: Mapping[str, Array], cuts: Cuts) -> openvino.Model:
    """Build the coarse graph.

    Args:
        architecture: sizes of the network.
        tensors: its weights, checked.
        cuts: where it ends.

    Returns:
        A graph with the inputs `STYLES` and its noise maps. Its outputs are the first inputs of the fine graph, in
        their order: `FEATURES`, [1, C, R, R], and the scales of each modulated layer, [1, C].
    """
    blocks = coarse_blocks(architecture, cuts)
    ws = op.parameter([architecture.num_ws, architecture.w_dim], np.float32, name=STYLES)
    noise = _noise_inputs(architecture, {4, *(block.size_px for block in blocks)})
    codes = op.split(ws, op.constant(np.int64(0)), architecture.num_ws).outputs()
    layer_names = [layer for layer, _ in architecture.modulated_layers()]
    scales = {layer: _affine(code, layer, tensors) for layer, code in zip(layer_names, codes, strict=True)}
    layers = Layers(tensors, scales, noise, architecture.lrelu_slope)
    x = layers.first()
    for block in blocks:
        x = layers.block(x, block, _whole_input(block))
    handed_on = [x, *(scales[layer] for layer, _ in _fine_layers(architecture, cuts))]
    return openvino.Model([op.result(each) for each in handed_on], [ws, *noise.values()], "coarse")


def build_fine(
    architecture: Architecture, tensors: Mapping[str, Array], cuts: Cuts, output: Output
) -> openvino.Model:
    """Build the fine graph.

    Args:
        architecture: sizes of the network.
        tensors: its weights, checked.
        cuts: where it begins, and how it is run in strips.
        output: "uint8" gives [1, R, R, 3] as a picture file takes it, "float32" [1, 3, R, R] as the network gives it.

    Returns:
        A graph whose inputs are the outputs of the coarse graph, followed by its noise maps.
    """
    blocks = fine_blocks(architecture, cuts)
    sizes = sorted(architecture.channels)
    start = sizes[len(sizes) - len(blocks) - 1]
    features = op.parameter([1, architecture.channels[start], start, start], np.float32, name=FEATURES)
    scales = {
        layer: op.parameter([1, width], np.float32, name=f"{layer}.scale")
        for layer, width in _fine_layers(architecture, cuts)
    }
    noise = _noise_inputs(architecture, {block.size_px for block in blocks})
    grid = Grid(tensors[GRID], architecture.resolution) if GRID in tensors else None
    layers = Layers(tensors, scales, noise, architecture.lrelu_slope, grid)
    num_whole = sum(block.size_px < cuts.strips_from_px for block in blocks)
    x: Any = features
    for block in blocks[:num_whole]:
        x = layers.block(x, block, _whole_input(block))
    picture = _in_strips(layers, x, blocks[num_whole:], cuts.num_strips, output)
    inputs = [features, *scales.values(), *noise.values()]
    return openvino.Model([op.result(picture)], inputs, f"fine-{output}")


def _noise_inputs(architecture: Architecture, sizes_px: set[int]) -> dict[str, Any]:
    return {
        layer: op.parameter([1, 1, size, size], np.float32, name=layer)
        for layer, size in architecture.noise_layers
        if size in sizes_px
    }


def _fine_layers(architecture: Architecture, cuts: Cuts) -> list[tuple[str, int]]:
    """Name and number of channels of each modulated layer of the fine graph."""
    prefixes = tuple(f"{block.name}." for block in fine_blocks(architecture, cuts))
    return [
        (layer, width)
        for layer, width in architecture.modulated_layers()
        if layer.startswith(prefixes) or layer == "synthesis.torgb"
    ]


def _affine(code: Any, layer: str, tensors: Mapping[str, Array]) -> Any:
    """Turn the style code [1, W] of a layer into the scales of its channels, [1, C]."""
    factor = np.float32(0.5 if layer.endswith(".up") else 1.0)  # the inverse Haar transform's own
    weight, bias = (tensors[f"{layer}.affine.{part}"] * factor for part in ("weight", "bias"))
    return op.add(op.matmul(code, constant(weight), False, True), constant(bias[None]))


def _whole_input(block: Block) -> Rows:
    return Rows(0, block.size_px // 2, block.size_px // 2)


def _in_strips(layers: Layers, x: Any, blocks: Sequence[Block], num_strips: int, output: Output) -> Any:
    """Run blocks and the last layer strip by strip; `x` is [1, C, H, W] at half the side of the first block."""
    parts = [x]
    if blocks:
        strips = plan([block.size_px for block in blocks], min(num_strips, blocks[-1].size_px))
        parts = [_strip(layers, x, blocks, chain) for chain in strips]
    if output == "float32":
        picture = op.concat([layers.to_rgb(each) for each in parts], 2)
        return layers.grid.out_of_picture(picture) if layers.grid else picture
    if layers.grid and any(2 * each.get_output_shape(0)[2] % layers.grid.block_px for each in parts):
        parts = [op.concat(parts, 2)]  # a strip would cut through a block of the grid
    return op.concat([layers.to_bytes(each) for each in parts], 1)


def _strip(layers: Layers, x: Any, blocks: Sequence[Block], chain: Sequence[Rows]) -> Any:
    have = Rows(0, chain[0].size, chain[0].size)
    for block, wanted in zip(blocks, chain, strict=False):
        x = layers.block(x, block, wanted, offset=have.first)
        have = wanted.doubled().shrunk().shrunk()
    wanted = chain[-1]
    if have == wanted:
        return x
    return cut(x, [wanted.first - have.first], [wanted.last - have.first], [2])
