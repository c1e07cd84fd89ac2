"""Training speed of our networks beside their slow twin, all phases counted, in one run.

    python -m benchmarks.training [--case small|large] [--threads N] [--cpu-time]

Each phase of a step is timed for one and then the other, in turn, and the fastest round counts. A step is the main
phases, a quarter of path lengths and a sixteenth of R1. Both have a process of their own, since ours tells the C
library to keep freed memory, as `nobodies train` does.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.training_twin import Form, discriminate, synthesize
from nobodies.networks.config import DiscriminatorConfig, GeneratorConfig
from nobodies.training import losses
from nobodies.training.config import ComputeType, TrainingConfig, TrainingSettings
from nobodies.training.memory import keep_freed_memory
from nobodies.training.phases import Chunk, Phases
from nobodies.training.processes import Processes
from nobodies.training.randomness import torch_rng
from nobodies.training.state import fresh_state
from nobodies.training.step import descend

CASES = {"small": (4096, 256, 16, 4), "large": (16384, 512, 8, 2)}
SHARES = {"generator": 1.0, "path length": 1 / 4, "discriminator": 1.0, "r1": 1 / 16}
Timed = dict[str, Callable[[], object]]


def configuration(channel_base: int, channel_max: int, batch: int, compute: ComputeType) -> TrainingConfig:
    """64 px in colour, two mapping layers, no augmentation."""
    network: dict[str, Any] = {"resolution": 64, "channel_base": channel_base, "channel_max": channel_max}
    return TrainingConfig(
        generator=GeneratorConfig(**network, mapping_layers=2),
        discriminator=DiscriminatorConfig(**network),
        training=TrainingSettings(batch=batch, chunk=batch, augment="none", compute=compute, style_mixing=0.0),
    )


def timed_phases(config: TrainingConfig) -> Timed:
    """The four phases as `nobodies train` runs them."""
    state = fresh_state(config)
    phases, alone, settings = Phases(state), Processes(), config.training
    shape = settings.batch, config.generator.img_channels, *2 * [config.generator.resolution]
    real = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32))
    chunk = Chunk(real, None, None, lambda phase: torch_rng(0, phase))
    g, d = state.generator, state.discriminator
    return {
        "generator": lambda: descend(phases.generator_main, g, d, state.g_optimizer, [chunk], alone),
        "path length": lambda: descend(phases.path_length, g, d, state.g_optimizer, [chunk], alone),
        "discriminator": lambda: descend(phases.discriminator_main, d, g, state.d_optimizer, [chunk], alone),
        "r1": lambda: descend(phases.r1, d, g, state.d_optimizer, [chunk], alone),
    }


def twin(config: TrainingConfig, form: Form) -> Timed:
    """The same four phases by the plain road."""
    state = fresh_state(config)
    g, d, batch = state.generator, state.discriminator, config.training.batch
    g_optimizer = torch.optim.Adam(g.parameters(), lr=0.002, betas=(0.0, 0.99))
    d_optimizer = torch.optim.Adam(d.parameters(), lr=0.002, betas=(0.0, 0.99))
    real = torch.rand(batch, 3, 64, 64) * 2 - 1

    def learn(loss: Callable[[], Tensor], learner: torch.nn.Module, other: torch.nn.Module) -> None:
        other.requires_grad_(False)
        learner.requires_grad_(True)
        optimizer = g_optimizer if learner is g else d_optimizer
        optimizer.zero_grad(set_to_none=True)
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def draw(count: int) -> tuple[Tensor, Tensor]:
        ws = g.styles(torch.randn(count, config.generator.z_dim))
        return synthesize(g, ws, random=True, form=form), ws

    def path_length() -> Tensor:
        img, ws = draw(batch // 2)
        return (losses.path_lengths(img, ws, losses.path_noise(img)) - 1).square().mean()

    def discriminator() -> Tensor:
        with torch.no_grad():
            fake, _ = draw(batch)
        loss = losses.discriminator_loss_fake(discriminate(d, fake)).mean()
        return loss + losses.discriminator_loss_real(discriminate(d, real)).mean()

    def r1() -> Tensor:
        watched = real.clone().requires_grad_()
        return losses.r1_penalty(discriminate(d, watched), watched).mean()

    return {
        "generator": lambda: learn(lambda: losses.generator_loss(discriminate(d, draw(batch)[0])).mean(), g, d),
        "path length": lambda: learn(path_length, g, d),
        "discriminator": lambda: learn(discriminator, d, g),
        "r1": lambda: learn(r1, d, g),
    }


def seconds(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one call."""
    start = clock()
    run()
    return clock() - start


def serve(pipe: Connection, config: TrainingConfig, form: Form | None, threads: int, cpu_time: bool) -> None:
    """In a process of its own: run the phases asked for, ours if no form of the twin is given, and send the times."""
    clock = time.process_time if cpu_time else time.perf_counter
    torch.set_num_threads(threads)
    if form is None:
        keep_freed_memory()
    phases = timed_phases(config) if form is None else twin(config, form)
    while (phase := pipe.recv()) is not None:
        pipe.send(seconds(phases[phase], clock))


@contextmanager
def started(*options: Any) -> Iterator[Callable[[str], float]]:
    """A process that serves, with these arguments of `serve`; what is given has it time one phase."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(far, *options))
    process.start()

    def run(phase: str) -> float:
        near.send(phase)
        return float(near.recv())

    yield run
    near.send(None)
    process.join()


def compare(name: str, compute: ComputeType, form: Form, threads: int, cpu_time: bool) -> None:
    """Print the times of one case, phase by phase, and the ratio."""
    channel_base, channel_max, batch, rounds = CASES[name]
    config = configuration(channel_base, channel_max, batch, compute)
    best: dict[str, tuple[float, float]] = {}
    with started(config, None, threads, cpu_time) as fast, started(config, form, threads, cpu_time) as slow:
        for phase in SHARES:
            fast(phase), slow(phase)
            times = [(fast(phase), slow(phase)) for _ in range(rounds)]
            best[phase] = min(each[0] for each in times), min(each[1] for each in times)
            print(f"  {phase:14} ours {best[phase][0]:7.3f} s   twin {best[phase][1]:7.3f} s")
    rates = [batch / sum(best[phase][side] * share for phase, share in SHARES.items()) for side in (0, 1)]
    print(
        f"{name}, {compute}, twin {form}: "
        f"ours {rates[0]:.2f} images/s, twin {rates[1]:.2f}, ratio {rates[0] / rates[1]:.2f}"
    )


def main() -> None:
    """Compare the cases asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--case", choices=list(CASES), action="append")
    parser.add_argument("--compute", choices=["auto", "bf16", "f32"], default="auto")
    parser.add_argument("--twin", choices=["scaled", "grouped"], default="scaled", help="see training_twin.py")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--cpu-time", action="store_true", help="processor time, with one thread: for a machine that does other work"
    )
    options = parser.parse_args()
    for name in options.case or CASES:
        threads = 1 if options.cpu_time else options.threads
        compare(name, options.compute, options.twin, threads, options.cpu_time)


if __name__ == "__main__":
    main()
