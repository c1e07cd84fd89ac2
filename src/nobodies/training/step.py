"""One step: every phase that is due, over all chunks of the batch, then averages and augmentation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from statistics import fmean

import torch
from torch import Tensor, nn

from nobodies.errors import TrainingError
from nobodies.training.phases import Chunk, Outcome, Phases
from nobodies.training.processes import Processes
from nobodies.training.state import TrainingState, trainable


@dataclass(frozen=True)
class StepReport:
    """What a step found, over the whole batch. Losses that were not due are None."""

    step: int
    generator_loss: float
    discriminator_loss: float
    path_length_loss: float | None
    r1_loss: float | None
    real_sign: float
    """Mean sign of the discriminator's answer to real pictures."""
    real_score: float
    """Mean of that answer, …"""
    fake_score: float
    """… and of the one to made pictures."""


def mean_report(reports: Sequence[StepReport]) -> StepReport:
    """Average the figures of several steps, each over the steps that have it, under the number of the last."""

    def mean(name: str) -> float | None:
        values = [value for report in reports if (value := getattr(report, name)) is not None]
        return fmean(values) if values else None

    figures = {each.name: mean(each.name) for each in fields(StepReport) if each.name != "step"}
    return StepReport(step=reports[-1].step, **figures)  # type: ignore[arg-type]


def train_step(phases: Phases, chunks: Sequence[Chunk], processes: Processes) -> StepReport:
    """Train both networks on one batch.

    Args:
        phases: losses, bound to the state, which changes.
        chunks: this process's share of the batch.
        processes: all that work on the batch.

    Raises:
        TrainingError: a loss or gradient is not finite; the state is then unfit to go on.
    """
    state, settings = phases.state, phases.settings
    g_due = settings.pl_weight > 0 and state.step % settings.pl_interval == 0
    d_due = settings.r1_gamma > 0 and state.step % settings.r1_interval == 0

    g_main = descend(
        phases.generator_main, state.generator, state.discriminator, state.g_optimizer, chunks, processes
    )
    state.generator.mapping.track(_w_mean(g_main, processes), beta=settings.w_avg_beta)
    pl = None
    if g_due:
        outcomes = descend(
            phases.path_length, state.generator, state.discriminator, state.g_optimizer, chunks, processes
        )
        lengths = [outcome.path_length for outcome in outcomes if outcome.path_length is not None]
        state.mean_path_length.lerp_(_mean(lengths, processes), settings.pl_decay)
        pl = _mean([outcome.loss for outcome in outcomes], processes)
    d_main = descend(
        phases.discriminator_main, state.discriminator, state.generator, state.d_optimizer, chunks, processes
    )
    r1 = None
    if d_due:
        outcomes = descend(phases.r1, state.discriminator, state.generator, state.d_optimizer, chunks, processes)
        r1 = _mean([outcome.loss for outcome in outcomes], processes)

    update_average(state)
    real_sign = _observe_signs(state, d_main, processes)
    fake_score, real_score = _mean([each.scores for each in d_main if each.scores is not None], processes).tolist()
    state.step += 1
    return StepReport(
        step=state.step,
        generator_loss=_mean([outcome.loss for outcome in g_main], processes).item(),
        discriminator_loss=_mean([outcome.loss for outcome in d_main], processes).item(),
        path_length_loss=None if pl is None else pl.item(),
        r1_loss=None if r1 is None else r1.item(),
        real_sign=real_sign,
        real_score=real_score,
        fake_score=fake_score,
    )


def descend(
    phase: Callable[[Chunk], Outcome],
    learner: nn.Module,
    other: nn.Module,
    optimizer: torch.optim.Optimizer,
    chunks: Sequence[Chunk],
    processes: Processes,
) -> list[Outcome]:
    """Add up a phase's gradients over the batch and step the optimiser. No graph is made for the other network."""
    other.requires_grad_(False)
    for parameter in trainable(learner):
        parameter.requires_grad_(True)
    optimizer.zero_grad(set_to_none=True)
    outcomes = [phase(chunk) for chunk in chunks]
    grads = [parameter.grad for parameter in trainable(learner) if parameter.grad is not None]
    _average(grads, len(chunks) * processes.count, processes)
    _require_finite(grads, phase.__name__)
    optimizer.step()
    return outcomes


def _average(grads: list[Tensor], num_chunks: int, processes: Processes) -> None:
    """Turn sums over this process's chunks into means over the whole batch."""
    if num_chunks > 1:
        torch._foreach_div_(grads, num_chunks)
    processes.add_up(grads)


def _require_finite(grads: list[Tensor], phase: str) -> None:
    """Stop before a broken gradient reaches the weights."""
    norms = torch.stack(torch._foreach_norm(grads))
    if not math.isfinite(norms.sum().item()):
        raise TrainingError(
            f"the gradients of {phase.replace('_', ' ')} are not finite: lower the learning rates, raise r1_gamma, "
            "or set compute to f32"
        )


def _mean(values: list[Tensor], processes: Processes) -> Tensor:
    """Mean over all chunks of all processes."""
    mean = torch.stack(values).mean(dim=0) / processes.count
    processes.add_up([mean])
    return mean


def _w_mean(outcomes: list[Outcome], processes: Processes) -> Tensor:
    """Mean style code of the batch, [1, W]."""
    return _mean([outcome.w_mean for outcome in outcomes if outcome.w_mean is not None], processes)[None]


@torch.no_grad()
def update_average(state: TrainingState) -> None:
    """Let the averaged generator follow the trained one.

    Source: the half-life in pictures and its ramp-up are those of arXiv:1912.04958 and 2006.06676.
    """
    settings = state.config.training
    half_life = settings.ema_kimg * 1000
    if settings.ema_rampup is not None:
        half_life = min(half_life, state.num_pictures * settings.ema_rampup)
    beta = 0.5 ** (settings.batch / max(half_life, 1e-8))
    averaged: list[Tensor] = list(state.g_ema.parameters())
    trained: list[Tensor] = list(state.generator.parameters())
    torch._foreach_lerp_(averaged, trained, 1 - beta)
    for ours, theirs in zip(state.g_ema.buffers(), state.generator.buffers(), strict=True):
        ours.copy_(theirs)


def _observe_signs(state: TrainingState, outcomes: list[Outcome], processes: Processes) -> float:
    """Feed the signs of real logits to the adaptive augmentation and give their mean."""
    settings = state.config.training
    sign_sum = torch.stack([outcome.sign_sum for outcome in outcomes if outcome.sign_sum is not None]).sum()
    processes.add_up([sign_sum])
    if settings.augment == "adaptive":
        state.augment = state.augment.observe(sign_sum.item(), settings.batch)
        if (state.step + 1) % settings.augment_interval == 0:
            state.augment = state.augment.adjust(target=settings.augment_target, kimg=settings.augment_kimg)
    return sign_sum.item() / settings.batch
