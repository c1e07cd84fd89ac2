"""Print how fast StyleGAN2 config-f runs at 1024 px, beside the form of the original PyTorch release, in one run.

    python -m benchmarks.stylegan2

Weights are random and of the right shape. Wants torch (extra 'train') for the original's form.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nobodies.engines import open_engine
from nobodies.models import Description, Model
from nobodies.models.architectures.stylegan2 import StyleGan2, describe
from nobodies.settings import EngineSettings, Precision

ROUNDS = 5
PRECISIONS: tuple[Precision, ...] = ("f32", "auto")


def config_f(resolution: int = 1024) -> Model:
    """Make a generator of configuration F with random weights."""
    sides = [4 << power for power in range((resolution // 4).bit_length())]
    sizes = StyleGan2(512, 512, 0, 8, resolution, {side: min(32768 // side, 512) for side in sides})
    rng = np.random.default_rng(0)
    tensors = {name: np.asarray(rng.standard_normal(shape, np.float32)) for name, shape in sizes.tensor_shapes()}
    for name, tensor in tensors.items():
        if name.endswith((".bias", "noise_strength")):
            tensors[name] = np.asarray(tensor * np.float32(0.1) + np.float32(name.endswith("affine.bias")))
        if name.startswith("mapping.fc"):
            tensors[name] = tensor * np.float32(1 if name.endswith("bias") else 100)
    return Model(Description("config-f", "random weights", describe(sizes), "this benchmark", ()), tensors)


def main() -> None:
    """Print milliseconds a picture, ratios and peak memory."""
    import torch

    from benchmarks.stylegan2_twin import OriginalForm

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = config_f()
    ws = np.random.default_rng(1).standard_normal((1, 18, 512), np.float32)
    original = OriginalForm({name: torch.from_numpy(each) for name, each in model.tensors.items()}, 1024)
    wanted = original(torch.from_numpy(ws)).numpy()
    engines = {name: open_engine(model, EngineSettings(precision=name), compiled_folder=None) for name in PRECISIONS}
    calls: dict[str, Callable[[], object]] = {"original": lambda: original(torch.from_numpy(ws))}
    for engine in engines.values():
        drawn = engine.synthesize_float(ws)
        error = np.mean(np.square(drawn - wanted, dtype=np.float64))
        print(f"{engine.precision}: {10 * np.log10(np.square(np.ptp(wanted)) / error):.1f} dB to the original's form")
        calls[f"ours, {engine.precision}"] = lambda engine=engine: engine.synthesize(ws)  # type: ignore[misc]
    times = in_turn(calls)
    for label, taken in times.items():
        ratio = statistics.median(a / b for a, b in zip(times["original"], taken, strict=True))
        print(f"{label:16} {statistics.median(taken) * 1e3:7.0f} ms a picture, {ratio:.2f} times as fast")
    for precision in PRECISIONS:
        print(f"peak memory of a process of its own, {precision}: {peak_mb(precision):.0f} MB")


def in_turn(calls: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Time calls one after the other, several rounds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for each in range(ROUNDS + 1):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            if each:
                times[name].append(time.perf_counter() - begin)
    return times


def peak_mb(precision: Precision) -> float:
    """Measure a process that makes one picture."""
    command = [sys.executable, "-m", "benchmarks.stylegan2", precision]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def draw_one(precision: Precision) -> None:
    """Make one picture, and print the largest size that this process has had, in MB."""
    engine = open_engine(config_f(), EngineSettings(precision=precision), compiled_folder=None)
    engine.synthesize(np.zeros((1, 18, 512), np.float32))
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw_one(sys.argv[1])  # type: ignore[arg-type]
    else:
        main()
