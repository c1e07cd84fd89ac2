"""The four things a step does to one chunk of pictures, each ending in gradients.

Source: arXiv:1912.04958; arXiv:2006.06676 for where augmentation goes: in front of the discriminator, always.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nobodies.training import losses
from nobodies.training.augment import AugmentPipeline
from nobodies.training.state import TrainingState


@dataclass(frozen=True)
class Chunk:
    """The pictures of a chunk and the labels that go with real and made ones."""

    real: Tensor
    """[N, P, R, R] in [-1, 1]."""
    c_real: Tensor | None
    """One-hot, [N, C]; None if unconditional."""
    c_fake: Tensor | None
    rng: Callable[[str], torch.Generator]
    """Randomness for one phase of this chunk, by name."""


@dataclass(frozen=True)
class Outcome:
    """What a phase found; everything [] and summed over the chunk unless said otherwise."""

    loss: Tensor
    """Mean over the chunk."""
    sign_sum: Tensor | None = None
    scores: Tensor | None = None
    """Mean logits of made and real pictures, [2]."""
    w_mean: Tensor | None = None
    """[W]."""
    path_length: Tensor | None = None
    """Mean over the chunk."""


class Phases:
    """The losses of a run, applied to a state.

    Args:
        state: networks and running values.
    """

    def __init__(self, state: TrainingState) -> None:
        self.state = state
        self.settings = state.config.training
        self.dtype = state.compute_dtype
        self.augment = AugmentPipeline(self.settings.parts)

    def generator_main(self, chunk: Chunk) -> Outcome:
        """Make pictures and have them judged; gradients go to the generator."""
        rng = chunk.rng("generator")
        fake, ws = self._draw(len(chunk.real), chunk.c_fake, rng)
        loss = losses.generator_loss(self._judge(fake, chunk.c_fake, rng)).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return Outcome(loss.detach(), w_mean=ws[:, 0].detach().mean(dim=0))

    def path_length(self, chunk: Chunk) -> Outcome:
        """Hold the length of the Jacobian near its mean; gradients go to the generator."""
        rng = chunk.rng("path length")
        count = max(len(chunk.real) // self.settings.pl_batch_shrink, 1)
        fake, ws = self._draw(count, None if chunk.c_fake is None else chunk.c_fake[:count], rng)
        lengths = losses.path_lengths(fake, ws, losses.path_noise(fake, rng))
        mean = self.state.mean_path_length.lerp(lengths.detach().mean(), self.settings.pl_decay)
        loss = (lengths - mean).square().mean() * self.settings.pl_weight
        (loss * self.settings.pl_interval).backward()  # type: ignore[no-untyped-call]
        return Outcome(loss.detach(), path_length=lengths.detach().mean())

    def discriminator_main(self, chunk: Chunk) -> Outcome:
        """Judge made and real pictures; gradients go to the discriminator."""
        rng = chunk.rng("discriminator")
        with torch.no_grad():
            fake, _ = self._draw(len(chunk.real), chunk.c_fake, rng)
        c = None if chunk.c_fake is None or chunk.c_real is None else torch.cat([chunk.c_fake, chunk.c_real])
        img = torch.cat([self._augmented(fake, rng), self._augmented(chunk.real, rng)])
        logits = self.state.discriminator(img, c, dtype=self.dtype, num_batches=2)
        of_fake, of_real = logits.chunk(2)
        loss = losses.discriminator_loss_fake(of_fake).mean() + losses.discriminator_loss_real(of_real).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        scores = torch.stack([of_fake.mean(), of_real.mean()]).detach()
        return Outcome(loss.detach(), sign_sum=of_real.detach().sign().sum(), scores=scores)

    def r1(self, chunk: Chunk) -> Outcome:
        """Hold the discriminator flat around real pictures; gradients go to the discriminator."""
        real = chunk.real.detach().clone().requires_grad_()
        logits = self._judge(real, chunk.c_real, chunk.rng("r1"))
        loss = losses.r1_penalty(logits, real).mean() * (self.settings.r1_gamma / 2)
        (loss * self.settings.r1_interval).backward()  # type: ignore[no-untyped-call]
        return Outcome(loss.detach())

    def _draw(self, count: int, c: Tensor | None, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Make pictures [N, P, R, R] from new latent codes, and their style codes [N, L, W]."""
        generator = self.state.generator
        ws = generator.styles(self._latents(count, rng), c)
        if (
            self.settings.style_mixing
            and torch.rand([], generator=rng, device=rng.device) < self.settings.style_mixing
        ):
            cut = int(torch.randint(1, ws.shape[1], [], generator=rng, device=rng.device))
            other = generator.styles(self._latents(count, rng), c)
            ws = torch.cat([ws[:, :cut], other[:, cut:]], dim=1)
        if torch.is_grad_enabled() and not ws.requires_grad:  # the mapping network is frozen
            ws.requires_grad_()
        return generator.synthesis(ws, noise_mode="random", rng=rng, dtype=self.dtype), ws

    def _latents(self, count: int, rng: torch.Generator) -> Tensor:
        return torch.randn(count, self.state.config.generator.z_dim, generator=rng, device=rng.device)

    def _judge(self, img: Tensor, c: Tensor | None, rng: torch.Generator) -> Tensor:
        return self.state.discriminator(self._augmented(img, rng), c, dtype=self.dtype)  # type: ignore[no-any-return]

    def _augmented(self, img: Tensor, rng: torch.Generator) -> Tensor:
        return self.augment(img, p=self.state.augment.p, rng=rng)
