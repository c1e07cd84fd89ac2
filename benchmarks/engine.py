"""Print how near the engine comes to what the processor can do, and what each way of cutting the network gives.

    python -m benchmarks.engine

runs on the default model, fetched if it is not in the cache. For the whole job see `nobodies bench`.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nobodies import latents
from nobodies.bench import compare, machine, unpack_shipped
from nobodies.engines.openvino import OpenVinoEngine
from nobodies.engines.openvino.cuts import Cuts
from nobodies.models import Model, Store
from nobodies.models.architectures import mobile_stylegan as architecture
from nobodies.models.architectures.mobile_stylegan import Architecture
from nobodies.settings import DEFAULT_MODEL, EngineSettings, Precision

ROUNDS = 12
CUTS = {
    "as built": Cuts(),
    "no strips": Cuts(strips_from_px=1 << 20),
    "4 strips": Cuts(num_strips=4),
    "16 strips": Cuts(num_strips=16),
    "strips at 512 px only": Cuts(strips_from_px=512),
    "coarse part to 4 px only": Cuts(coarse_to_px=4),
    "coarse part to 64 px": Cuts(coarse_to_px=64),
}


def main() -> None:
    """Measure and print."""
    model = Store().load(DEFAULT_MODEL)
    print(machine())
    work = multiplications(architecture.read(model.description.network))
    print(f"{work / 1e9:.2f} GMAC a face\n")
    peaks = {precision: matmul_peak(precision) for precision in ("f32", "bf16")}
    with tempfile.TemporaryDirectory() as folder:
        shipped = unpack_shipped(Store(), DEFAULT_MODEL, Path(folder))
        if shipped is not None:
            print_ratios(model, shipped, work, peaks)
            print_batches(shipped)
    print_cuts(model)


def print_ratios(model: Model, shipped: Path, work: int, peaks: Mapping[str, float]) -> None:
    """Print our speed beside that of the shipped graph, and the share of the peak that it comes to."""
    precisions: tuple[Precision, ...] = ("f32", "auto")
    for precision in precisions:
        result = compare(model, shipped, precision, rounds=ROUNDS)
        reached = work / result.ours_ms * 1e3
        print(
            f"{precision} ({result.precision}): latency {result.latency_ratio:.2f} times the shipped graph at f32 "
            f"({result.ours_ms:.1f} ms), throughput {result.throughput_ratio:.2f} times; "
            f"{reached / 1e9:.0f} GMAC/s, {100 * reached / peaks[result.precision]:.0f}% of the measured peak of "
            f"matrix products at {result.precision}, {peaks[result.precision] / 1e9:.0f} GMAC/s"
        )


def print_batches(shipped: Path) -> None:
    """Print what a batch dimension gives the shipped graph, a face."""
    import openvino

    core = openvino.Core()
    runs: dict[str, Callable[[], object]] = {}
    for size in (1, 2, 4, 8):
        graph = core.read_model(shipped / "SynthesisNetwork.xml")
        graph.reshape([size, 512])
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        request = core.compile_model(graph, "CPU", hints).create_infer_request()
        request.set_input_tensor(openvino.Tensor(np.zeros((size, 512), np.float32)))
        runs[str(size)] = request.infer
    print("\nshipped graph, milliseconds a face by batch:")
    for batch, taken in in_turn(runs, rounds=4).items():
        print(f"  {batch}: {taken / int(batch) * 1e3:.1f}")


def print_cuts(model: Model) -> None:
    """Print the latency of each way of cutting the network, and its agreement with f32."""
    exact = OpenVinoEngine(model, EngineSettings(precision="f32"))
    engines = {name: OpenVinoEngine(model, EngineSettings(), cuts=cuts) for name, cuts in CUTS.items()}
    codes = [
        latents.truncate(
            latents.broadcast(exact.map(latents.z_from_seed(seed, exact.z_dim)[None]), exact.num_ws),
            model.tensors["mapping.w_avg"],
            psi=0.7,
        )
        for seed in range(12)
    ]
    times = in_turn({name: _drawing(engine, codes[0]) for name, engine in engines.items()}, ROUNDS)
    print("\nlatency and, over 12 faces at psi 0.7, agreement with f32 on average and at worst:")
    for name, engine in engines.items():
        agreement = [_psnr(engine.synthesize_float(ws), exact.synthesize_float(ws)) for ws in codes]
        print(
            f"  {name:26} {times[name] * 1e3:6.1f} ms  {statistics.mean(agreement):.1f} dB, {min(agreement):.1f} dB"
        )


def matmul_peak(precision: str) -> float:
    """Measure a large matrix product in OpenVINO, in multiply-adds a second."""
    import openvino
    from openvino import opset13 as op

    # A chain of products, so that converting the first matrix and reducing the last do not count.
    size, depth = 2048, 8
    weight = op.constant(np.random.default_rng(0).standard_normal((size, size)).astype(np.float32) / 64)
    x = matrix = op.parameter([size, size], np.float32)
    for _ in range(depth):
        x = op.matmul(x, weight, False, True)
    graph = openvino.Model([op.result(op.reduce_max(x, np.array([0, 1])))], [matrix])
    hints = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(graph, "CPU", hints).create_infer_request()
    request.set_input_tensor(openvino.Tensor(np.ones((size, size), np.float32)))
    return depth * size**3 / min(_seconds(request.infer) for _ in range(10))


def multiplications(sizes: Architecture) -> int:
    """Count the multiply-adds of the convolutions that draw a face."""
    total = 4 * 4 * sizes.channels[4] ** 2 * 9
    for block in sizes.blocks:
        for width in (block.subband_channels, block.channels):
            total += block.size_px**2 * width * (9 + block.channels)
    return total + (sizes.resolution // 2) ** 2 * sizes.channels[sizes.resolution // 2] * 12


def in_turn(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time calls in turn, after two runs each to warm up; medians in seconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 2):
        for name, call in calls.items():
            taken = _seconds(call)
            if turn >= 2:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _drawing(engine: OpenVinoEngine, ws: Any) -> Callable[[], object]:
    return lambda: engine.synthesize(ws)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _psnr(a: Any, b: Any) -> float:
    return float(10 * np.log10(4 / np.mean((np.asarray(a, np.float64) - b) ** 2)))


if __name__ == "__main__":
    main()
