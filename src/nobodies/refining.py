"""Coming closer to a photograph by gradients: style codes moved so that the drawn face looks more like it.

The loss compares general features of the two pictures, whole and close up, and their colours at a coarse size. Codes
are held near those of faces: by their distance from the mean code, and by how far each layer strays from the others.
Needs torch, which comes with the extra [train].

Source: embedding into style codes as in Image2StyleGAN, arXiv:1904.03189, with the perceptual distance of LPIPS,
arXiv:1801.03924, and the pull toward one code for all layers of "Designing an encoder for StyleGAN",
arXiv:2102.02766.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import DependencyError, ModelError
from nobodies.latents.looks import LookModel
from nobodies.models import Model, Store

if TYPE_CHECKING:
    from torch import Tensor

    from nobodies.networks.efficientnet import Features

Pixels = NDArray[np.uint8]
Array = NDArray[np.float32]

COMPARED_PX: Final = 256
_CLOSE_UP: Final = slice(COMPARED_PX // 5, COMPARED_PX - COMPARED_PX // 5)
"""Rows and columns of an aligned face that show eyes, nose and mouth."""
_COLOURS_PX: Final = 32
_WEIGHTS: Final = {"whole": 1.0, "close_up": 2.0, "colours": 20.0, "probable": 0.0003, "alike": 0.003}
_STEP: Final = 0.08
"""Step of Adam at first, in deviations of w; it falls in a half cosine."""
_LAYER_STEP_SHARE: Final = 0.7
_BETAS: Final = (0.9, 0.99)
_REDRAW_SHARE: Final = 0.25
"""After so much of the time the quick drawing is fitted again, to the face as it is then."""
_NUM_SAMPLES: Final = 2
_SAMPLE_SPREAD: Final = 0.3
_EVERY_PIXEL: Final = 7
_RIDGE: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """Codes on the way."""

    ws: Array
    """[L, W]."""
    loss: float
    number: int
    """Steps taken, this one included."""


def require_torch() -> None:
    """Make sure that torch is there.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise DependencyError("refining by gradients needs torch: pip install 'nobodies[train]'") from None


def refine_by_gradient(
    model: Model,
    looks: LookModel,
    w: NDArray[Any],
    aligned: Pixels,
    *,
    progress: Callable[[], float],
    per_layer: bool = True,
) -> Iterator[Refined]:
    """Move style codes so that the face looks more and more like a photograph.

    Args:
        model: of the architecture that the default model has.
        looks: its principal components, in which steps are taken.
        w: where to begin, [W].
        aligned: the photograph as the generator would show it, [H, H, 3].
        progress: asked before each step for the share of the time that is over; from 1 on the search ends.
        per_layer: let each layer have a code of its own.

    Yields:
        The codes after each step, better or not.

    Raises:
        DependencyError: torch is not installed.
        ModelError: the model is of another architecture.
    """
    require_torch()
    import torch

    network = model.description.network
    if network.get("architecture") != "mobile-stylegan":
        raise ModelError(f"{model.name} is a {network.get('architecture')}: gradients are known for mobile-stylegan")
    synthesis, loss_of = _synthesis(model), _loss(aligned)
    basis, mean = (torch.tensor(each, dtype=torch.float32) for each in (looks.components, looks.w_mean))
    common = torch.tensor(looks.coordinates(w), dtype=torch.float32, requires_grad=True)
    own = torch.zeros(synthesis.num_ws, len(basis), requires_grad=per_layer)
    # What the principal components leave out of the code stays as it came.
    rest = torch.tensor(w - looks.code(looks.coordinates(w)), dtype=torch.float32)
    groups = [{"params": [common], "share": 1.0}]
    groups += [{"params": [own], "share": _LAYER_STEP_SHARE}] if per_layer else []
    optimizer = torch.optim.Adam(groups, lr=_STEP, betas=_BETAS)
    number, draw, redraw_at = 0, None, 0.0
    while (share := progress()) < 1:
        for group in optimizer.param_groups:
            group["lr"] = _STEP * group["share"] * 0.5 * (1 + np.cos(np.pi * share))
        ws = mean + rest + (common + own) @ basis
        if draw is None or share >= redraw_at:
            draw, redraw_at = _preview(synthesis, ws.detach(), basis), redraw_at + _REDRAW_SHARE
        picture = (draw(ws[None]) + 1) * 127.5
        strayed = _WEIGHTS["probable"] * common.square().sum() + _WEIGHTS["alike"] * own.square().sum(1).mean()
        loss = loss_of(picture) + strayed
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        number += 1
        yield Refined(ws.detach().numpy().copy(), float(loss.detach()), number)
        optimizer.step()


def _synthesis(model: Model) -> Any:
    from nobodies.networks.mobile import load_mobile

    return load_mobile(model.description.network, model.tensors).requires_grad_(False).synthesis


def _preview(synthesis: Any, ws: "Tensor", basis: "Tensor") -> "Callable[[Tensor], Tensor]":
    """Give a quick way to draw faces like that of `ws` [L, W] in a quarter of the size.

    The last blocks, which take most of the time and only add detail, are replaced by the matrix from the channels
    before them to colours that agrees best with the whole network on a few faces like this one.
    """
    import torch
    from torch.nn import functional

    first_left_out = synthesis.block_names[-1]
    last, layer = synthesis.block_names[-2], 1 + 3 * (len(synthesis.block_names) - 1)

    def channels(ws: "Tensor") -> "Tensor":
        x = synthesis.get_submodule(first_left_out).up.modulate(synthesis.features(ws, last), ws[:, layer])
        return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)

    with torch.no_grad():
        spread = torch.randn(_NUM_SAMPLES, len(ws), len(basis), generator=torch.Generator().manual_seed(0))
        spread[0] = 0
        samples = ws + _SAMPLE_SPREAD * spread @ basis
        x = channels(samples)
        y = functional.interpolate(synthesis(samples), size=x.shape[-2:], mode="area")
        rows, colours = (each.transpose(0, 1).flatten(1)[:, ::_EVERY_PIXEL].double() for each in (x, y))
        curvature = rows @ rows.T + _RIDGE * rows.square().mean() * rows.shape[1] * torch.eye(len(rows))
        matrix = torch.linalg.solve(curvature, rows @ colours.T).T.float()[:, :, None, None]
    return lambda ws: functional.conv2d(channels(ws), matrix)


def _features() -> "Features":
    from nobodies.networks.efficientnet import Features

    return Features(Store().load("efficientnet-lite0").tensors)


def _loss(aligned: Pixels) -> "Callable[[Tensor], Tensor]":
    import torch
    from torch.nn import functional

    from nobodies.networks.efficientnet import PerceptualDistance

    def resized(picture: "Tensor", size_px: int) -> "Tensor":
        return functional.interpolate(picture, size=(size_px, size_px), mode="area")

    features = _features()
    wanted = resized(torch.tensor(aligned).permute(2, 0, 1)[None].float(), COMPARED_PX)
    close_up = (..., _CLOSE_UP, _CLOSE_UP)
    whole, near = (PerceptualDistance(features, each) for each in (wanted, wanted[close_up]))
    colours = resized(wanted, _COLOURS_PX) / 255

    def loss(picture: "Tensor") -> "Tensor":
        small = resized(picture, COMPARED_PX)
        apart = (resized(small, _COLOURS_PX) / 255 - colours).square().mean()
        total: Tensor = (
            _WEIGHTS["whole"] * whole(small) + _WEIGHTS["close_up"] * near(small[close_up])
        ).sum() + _WEIGHTS["colours"] * apart
        return total

    return loss
