"""Convolution whose first and second derivatives are all plain, fast convolutions.

A convolution is linear in its input and in its weight, so its two derivatives are linear in both as well. The three
maps close among themselves: every derivative of any order is again one of them. torch's own second derivative takes a
detour through reshaped, grouped convolutions that costs several times more, and R1 and path-length regularisation
live on second derivatives.

With y = conv(x, w), g shaped like y, and everything held to one geometry (stride, padding, groups):

    forward(x, w) -> y        input_grad(g, w) -> like x        weight_grad(x, g) -> like w
"""

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor


class Geometry(NamedTuple):
    """Everything about a 2-D convolution but its numbers."""

    stride: int = 1
    padding: int = 0
    groups: int = 1
    transposed: bool = False


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> Tensor:
    """Correlate `x` with `weight`, twice differentiable at the price of plain convolutions.

    Args:
        x: [N, I, H, W].
        weight: [O, I / groups, K, K], of the type of `x`.
        bias: [O] or None, of the type of `x`.
        stride: step in pixels.
        padding: zeros on each side in pixels.
        groups: channels are split into this many independent parts.

    Returns:
        [N, O, H', W'].
    """
    return _apply(_Forward, x, weight, bias, Geometry(stride, padding, groups))


def conv2d_lrelu(
    x: Tensor, weight: Tensor, bias: Tensor, *, slope: float, stride: int = 1, padding: int = 0
) -> Tensor:
    """`conv2d` and a leaky ReLU: one pass forward, where oneDNN has it, and no zeros sent backward twice."""
    return _apply(_ForwardLrelu, x, weight, bias, Geometry(stride, padding), slope)


def conv_transpose2d(x: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
    """Transposed `conv2d`: `weight` is [I, O / groups, K, K] and the picture grows by `stride`."""
    return _apply(_Forward, x, weight, None, Geometry(stride, padding, groups, transposed=True))


def _apply(function: type[torch.autograd.Function], *args: Any) -> Tensor:
    """`function.apply`, which torch leaves untyped."""
    return cast(Tensor, function.apply(*args))  # type: ignore[no-untyped-call]


def _run(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Call torch's convolution."""
    stride, padding, groups, transposed = geometry
    if transposed and _is_depthwise(x, weight, geometry):
        return _spread_and_filter(x, weight, geometry, [(side - 1) * stride + 1 for side in x.shape[2:]])
    return torch.convolution(x, weight, bias, [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], groups)


def _derive(
    g: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, wanted: tuple[bool, bool, bool]
) -> tuple[Any, Any, Any]:
    """Call torch's derivative of a convolution for those of input, weight and bias that are wanted."""
    stride, padding, groups, transposed = geometry
    if wanted[0] and not transposed and _is_depthwise(x, weight, geometry):
        sides = [side + 2 * padding - size + 1 for side, size in zip(x.shape[2:], weight.shape[2:], strict=True)]
        others = _derive(g, x, weight, geometry, (False, *wanted[1:])) if any(wanted[1:]) else (None, None, None)
        return _spread_and_filter(g, weight, geometry, sides), *others[1:]
    bias_sizes = [g.shape[1]] if wanted[2] else None
    derive = torch.ops.aten.convolution_backward
    grads = derive(g, x, weight, bias_sizes, [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], groups, wanted)
    return cast(tuple[Any, Any, Any], grads)


def _is_depthwise(x: Tensor, weight: Tensor, geometry: Geometry) -> bool:
    """Whether oneDNN would take several times longer here for the transpose of a filter than for the filter."""
    fits = geometry.padding < min(weight.shape[2:])
    return fits and geometry.groups == x.shape[1] == len(weight) > 1 == weight.shape[1] and x.device.type == "cpu"


def _spread_and_filter(x: Tensor, weight: Tensor, geometry: Geometry, sides: list[int]) -> Tensor:
    """Transpose of a depthwise convolution: pixels put `stride` apart in a picture of `sides`, filtered backward."""
    if geometry.stride > 1:
        spread = torch.empty((*x.shape[:2], *sides), dtype=x.dtype, memory_format=torch.channels_last).zero_()
        spread[:, :, :: geometry.stride, :: geometry.stride] = x
        x = spread
    around = [size - 1 - geometry.padding for size in weight.shape[2:]]
    return torch.convolution(x, weight.flip((2, 3)), None, [1, 1], around, [1, 1], False, [0, 0], geometry.groups)


class _Forward(torch.autograd.Function):
    """forward(x, w, b)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return _run(x, weight, bias, geometry)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        return *_derivatives(ctx, grads[0], x, weight), None


def _derivatives(
    ctx: Any, g: Tensor, x: Tensor, weight: Tensor
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """What forward(x, w, b) passes back for `g`, as far as it is wanted."""
    need_x, need_w, need_b = ctx.needs_input_grad[:3]
    if not torch.is_grad_enabled():
        return _derive(_like_input(g), x, weight, ctx.geometry, (need_x, need_w, need_b))
    grad_x = _apply(_InputGrad, g, x, weight, ctx.geometry) if need_x else None
    grad_w = _apply(_WeightGrad, x, g, weight, ctx.geometry) if need_w else None
    return grad_x, grad_w, g.sum((0, 2, 3)) if need_b else None


class _ForwardLrelu(torch.autograd.Function):
    """lrelu(forward(x, w, b)). The sign of the result is that of what went into the ReLU; its slope has no slope."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, geometry: Geometry, slope: float) -> Tensor:
        y = _run_lrelu(x, weight, bias, geometry, slope)
        ctx.save_for_backward(x, weight, y)
        ctx.geometry, ctx.slope = geometry, slope
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        g = torch.ops.aten.leaky_relu_backward(grads[0], y.detach(), ctx.slope, True)
        return *_derivatives(ctx, g, x, weight), None, None


def _run_lrelu(x: Tensor, weight: Tensor, bias: Tensor, geometry: Geometry, slope: float) -> Tensor:
    """Convolution and activation, by oneDNN's fused kernel if torch has been built with it."""
    fused = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
    if fused is None or x.device.type != "cpu" or x.dtype != torch.bfloat16:
        return torch.nn.functional.leaky_relu_(_run(x, weight, bias, geometry), slope)
    stride, padding = [geometry.stride] * 2, [geometry.padding] * 2
    return cast(Tensor, fused(x, weight, bias, padding, stride, [1, 1], 1, "leaky_relu", [slope], ""))


class _InputGrad(torch.autograd.Function):
    """input_grad(g, w), a tensor like `x`. `x` gives the shape only, its numbers do not enter."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        g = _like_input(g)
        ctx.save_for_backward(g, weight)
        ctx.geometry = geometry
        return cast(Tensor, _derive(g, x, weight, geometry, (True, False, False))[0])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, None, Tensor | None, None]:
        (h,) = grads
        g, weight = ctx.saved_tensors
        h = _like_input(h)
        grad_g = _apply(_Forward, h, weight, None, ctx.geometry) if ctx.needs_input_grad[0] else None
        grad_w = _apply(_WeightGrad, h, g, weight, ctx.geometry) if ctx.needs_input_grad[2] else None
        return grad_g, None, grad_w, None


class _WeightGrad(torch.autograd.Function):
    """weight_grad(x, g), a tensor like `weight`, whose numbers do not enter."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, g: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        g = _like_input(g)
        ctx.save_for_backward(x, g)
        ctx.geometry = geometry
        return cast(Tensor, _derive(g, x, weight, geometry, (False, True, False))[1])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None, None, None]:
        (v,) = grads
        x, g = ctx.saved_tensors
        grad_x = _apply(_InputGrad, g, x, v, ctx.geometry) if ctx.needs_input_grad[0] else None
        grad_g = _apply(_Forward, x, v, None, ctx.geometry) if ctx.needs_input_grad[1] else None
        return grad_x, grad_g, None, None


def _like_input(g: Tensor) -> Tensor:
    """Lay a gradient out channels-last: expanded or strided ones would fall off the fast path."""
    return g.contiguous(memory_format=torch.channels_last)
