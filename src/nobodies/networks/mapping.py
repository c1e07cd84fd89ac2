"""Mapping network: latent code and class label to style code."""

import torch
from torch import Tensor, nn

from nobodies.errors import ShapeError
from nobodies.networks.layers import FullyConnected

LR_MULTIPLIER = 0.01
"""The mapping network learns a hundred times slower than the rest: StyleGAN, arXiv:1812.04948, appendix C."""


def normalize_2nd_moment(x: Tensor) -> Tensor:
    """Scale each row of [N, F] to a mean square of 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class MappingNetwork(nn.Module):
    """z [N, Z] and one-hot label c [N, C] to w [N, W].

    Args:
        z_dim: Z; 0 maps the label alone, as the discriminator does.
        c_dim: C; 0 is unconditional.
        w_dim: W.
        num_layers: depth.
        track_average: keep `w_avg`, the running mean of w, for truncation.

    Source: StyleGAN, arXiv:1812.04948; labels as in StyleGAN2-ADA, arXiv:2006.06676.
    """

    w_avg: Tensor

    def __init__(self, z_dim: int, c_dim: int, w_dim: int, num_layers: int, *, track_average: bool = True) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_layers = z_dim, c_dim, w_dim, num_layers
        if c_dim:
            self.embed = FullyConnected(c_dim, w_dim)
        width = z_dim + (w_dim if c_dim else 0)
        for index in range(num_layers):
            layer = FullyConnected(width, w_dim, lrelu=True, lr_multiplier=LR_MULTIPLIER)
            self.add_module(f"fc{index}", layer)
            width = w_dim
        if track_average:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor | None, c: Tensor | None = None) -> Tensor:
        """Map codes to styles.

        Args:
            z: [N, Z], standard normal; None where Z is 0.
            c: [N, C]; None where C is 0.

        Returns:
            w, [N, W].

        Raises:
            ShapeError: a code does not have the width this network was built for.
        """
        parts = []
        if self.z_dim:
            parts.append(normalize_2nd_moment(_checked(z, self.z_dim, "z").float()))
        if self.c_dim:
            parts.append(normalize_2nd_moment(self.embed(_checked(c, self.c_dim, "c").float())))
        x = torch.cat(parts, dim=1)
        for index in range(self.num_layers):
            x = self.get_submodule(f"fc{index}")(x)
        return x

    @torch.no_grad()
    def track(self, w: Tensor, *, beta: float = 0.998) -> None:
        """Move `w_avg` toward the mean of the batch `w` [N, W]."""
        self.w_avg.copy_(w.detach().mean(dim=0).lerp(self.w_avg, beta))

    def truncate(self, ws: Tensor, *, psi: float, cutoff: int | None = None) -> Tensor:
        """Pull style codes [N, L, W] toward the average, layers [0, cutoff) only if given.

        Source: the truncation trick of StyleGAN, arXiv:1812.04948.
        """
        near = self.w_avg.lerp(ws[:, :cutoff], psi)
        return near if cutoff is None else torch.cat([near, ws[:, cutoff:]], dim=1)


def _checked(code: Tensor | None, width: int, name: str) -> Tensor:
    if code is None or code.ndim != 2 or code.shape[1] != width:
        came = "nothing" if code is None else str(list(code.shape))
        raise ShapeError(f"{name} is {came}: this network wants [N, {width}]")
    return code
