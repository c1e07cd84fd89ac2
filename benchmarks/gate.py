"""What the quality gate costs and turns away: `python -m benchmarks.gate`. Prints, asserts nothing.

Faces are drawn alone and with the gate in turn, in one process. Processor time counts all threads, so it tells what
the gate takes from the drawing beside it; other work on the machine touches it little.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np

from nobodies.choosing import Search
from nobodies.gate import Gate, gate_of
from nobodies.generator import Face, Generator
from nobodies.latents.wishes import Wishes
from nobodies.settings import EngineSettings, FaceSettings


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--from-seed", type=int, default=30_001, help="Of faces that no label was given to.")
    parser.add_argument("--psi", type=float, default=FaceSettings.psi)
    chosen = parser.parse_args()
    generator = Generator.load(engine=EngineSettings(layout="throughput"))
    gate = gate_of(generator)
    assert gate is not None, "the default model has a gate"
    for line in measure(generator, gate, chosen, FaceSettings(psi=chosen.psi)):
        print(line, flush=True)


def measure(generator: Generator, gate: Gate, chosen: argparse.Namespace, settings: FaceSettings) -> Iterator[str]:
    """Draw with the gate and without, and tell what the difference is."""
    num_faces = chosen.faces
    seeds = list(Search(generator, Wishes(), settings, from_seed=chosen.from_seed).find(num_faces))
    codes = np.stack([generator.styles_of_seed(seed, settings) for seed in seeds])
    warm = next(generator.draw([(seeds[0], codes[0])], settings))
    gate.faults(warm)
    screen_ms = _milliseconds(lambda: gate.screen(codes[:1]), 200)[0]
    look_ms, look_wall_ms = _milliseconds(lambda: gate.faults(warm), 30)
    yield f"screening one code: {screen_ms:.3f} ms of processor time"
    yield f"looking at one picture: {look_ms:.1f} ms of processor time, {look_wall_ms:.1f} ms"
    for _ in range(chosen.rounds):
        passed, num_before = sum(gate.screen(codes)), gate.num_refused
        alone = _drawn(generator, codes, settings, lambda face: True)
        judged = _drawn(generator, codes, settings, gate.accepts)
        refused = gate.num_refused - num_before
        yield (
            f"{num_faces} faces of adults: drawn alone {_shown(alone, num_faces)}; with the gate "
            f"{_shown(judged, num_faces)}, {judged[0] / alone[0] - 1:.1%} more processor time, "
            f"{judged[1] / alone[1] - 1:.1%} longer; {num_faces - passed} screened out, {refused} refused once drawn"
        )


def _drawn(
    generator: Generator, codes: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", settings: FaceSettings,
    judge: Callable[[Face], bool],
) -> tuple[float, float]:  # fmt: skip
    """Give processor time and time of drawing and judging all faces, in seconds."""
    processor, begun = time.process_time(), time.perf_counter()
    for face in generator.draw(((None, each) for each in codes), settings):
        judge(face)
    return time.process_time() - processor, time.perf_counter() - begun


def _shown(taken: tuple[float, float], num_faces: int) -> str:
    processor_s, wall_s = taken
    return f"{num_faces / wall_s:.1f}/s ({1000 * processor_s / num_faces:.1f} ms of processor time each)"


def _milliseconds(work: Callable[[], object], times: int) -> tuple[float, float]:
    processor, begun = time.process_time(), time.perf_counter()
    for _ in range(times):
        work()
    return 1000 * (time.process_time() - processor) / times, 1000 * (time.perf_counter() - begun) / times


if __name__ == "__main__":
    main()
