"""What the two networks are trained on.

Source: the non-saturating loss of arXiv:1406.2661, R1 of arXiv:1801.04406, path lengths of arXiv:1912.04958,
section 3.2.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional


def generator_loss(fake_logits: Tensor) -> Tensor:
    """−log sigmoid(D(G(z))) of each picture: the generator wants its pictures judged real. [N, 1] to [N, 1]."""
    return functional.softplus(-fake_logits)


def discriminator_loss_fake(fake_logits: Tensor) -> Tensor:
    """−log (1 − sigmoid(D(G(z)))) of each picture. [N, 1] to [N, 1]."""
    return functional.softplus(fake_logits)


def discriminator_loss_real(real_logits: Tensor) -> Tensor:
    """−log sigmoid(D(x)) of each picture. [N, 1] to [N, 1]."""
    return functional.softplus(-real_logits)


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """Squared length of the gradient of the discriminator with respect to each real picture.

    Args:
        real_logits: D(real), [N, 1], with its graph.
        real: [N, P, R, R], requiring gradients.

    Returns:
        [N], differentiable.

    Source: arXiv:1801.04406, equation 9.
    """
    (grads,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    return grads.square().sum(dim=(1, 2, 3))


def path_lengths(img: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """Length of the Jacobian of synthesis, transposed, applied to a random picture.

    Args:
        img: synthesis(ws), [N, P, R, R], with its graph.
        ws: style codes, [N, L, W].
        noise: normal with standard deviation 1 / R, shaped like `img`: see `path_noise`.

    Returns:
        [N], differentiable: the norm over W, averaged in squares over L.

    Source: arXiv:1912.04958, equation 4.
    """
    (grads,) = torch.autograd.grad((img * noise).sum(), ws, create_graph=True)
    return grads.square().sum(dim=2).mean(dim=1).sqrt()


def path_noise(img: Tensor, rng: torch.Generator | None = None) -> Tensor:
    """Random picture shaped like `img` for `path_lengths`."""
    noise = torch.randn(img.shape, dtype=img.dtype, device=img.device, generator=rng)
    return noise / math.sqrt(img.shape[2] * img.shape[3])
