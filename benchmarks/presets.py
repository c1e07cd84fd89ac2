"""Speed and memory of training presets on this machine: the figures in `nobodies.training.presets`.

    python -m benchmarks.presets [NAME …] [--chunk N] [--rounds N]

Each preset runs in a process of its own, with one thread. Each phase of a step is timed on one chunk, in processor
time, and the fastest round counts; a step is its main phases, and path lengths and R1 as often as the preset takes
them. Memory is the peak of the process.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace

import torch

from benchmarks.training import seconds, timed_phases
from nobodies.training.memory import keep_freed_memory
from nobodies.training.presets import PRESETS


def measure(name: str, chunk: int | None, rounds: int) -> None:
    """Print pictures a second and peak memory of one preset."""
    keep_freed_memory()
    torch.set_num_threads(1)
    config = PRESETS[name].config
    size = chunk or config.training.chunk
    settings = replace(config.training, batch=size, chunk=size)
    config = replace(config, training=settings)
    shares = {
        "generator": 1.0,
        "path length": 1 / settings.pl_interval,
        "discriminator": 1.0,
        "r1": 1 / settings.r1_interval,
    }
    phases = timed_phases(config)
    spent = {}
    for phase in shares:
        phases[phase]()
        spent[phase] = min(seconds(phases[phase], time.process_time) for _ in range(rounds))
    rate = size / sum(spent[phase] * share for phase, share in shares.items())
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{name}: {size} at once, {rate:.3g} pictures a second of one core, {gigabytes:.1f} GB", flush=True)


def main() -> None:
    """Measure the presets asked for, all if none is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(PRESETS))
    parser.add_argument("--chunk", type=int, help="pictures at once; the preset's own if not given")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    if len(options.names) == 1:
        measure(options.names[0], options.chunk, options.rounds)
        return
    for name in options.names:
        chunk = ["--chunk", str(options.chunk)] if options.chunk else []
        command = [sys.executable, "-m", "benchmarks.presets", name, "--rounds", str(options.rounds), *chunk]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
