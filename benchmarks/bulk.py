"""Print what making in bulk costs beside the bare engine: local, on Ray, and over time.

    python -m benchmarks.bulk                                # the bare engine, local and Ray, side by side
    python -m benchmarks.bulk --worker                       # what a worker does beside drawing, in one process
    python -m benchmarks.bulk --tasks                        # what giving a task takes, local and on Ray
    python -m benchmarks.bulk --set FOLDER --count 100000    # one large set, its memory over time; resumable

Runs on the default model at 256 px, pictures encoded and marked, without the gate where nothing else is said. A rate
is taken between the first finished file and the last, without what a start costs, which is told apart. Time of the
processors is told too: it hardly depends on what else the machine is at.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nobodies.bench import machine
from nobodies.bulk.crews import open_crew, work_off
from nobodies.bulk.maker import Maker
from nobodies.bulk.plan import Shard
from nobodies.bulk.recipe import recipe_for
from nobodies.bulk.target import Target
from nobodies.bulk.tasks import Find, MakeShard
from nobodies.generator import Generator
from nobodies.latents.wishes import Wishes
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL, CrewKind, CrewSettings, EngineSettings, PictureSettings

SIZE_PX = 256
TURN_FACES = 24
SHARD_MB = 0.5
WARM_UP = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="faces of each run")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--worker", action="store_true", help="time one worker's work in turn with bare drawing")
    parser.add_argument("--tasks", action="store_true", help="time tasks in which there is nothing to do")
    parser.add_argument("--set", type=Path, help="make one large set there instead")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bare:
        print(json.dumps(bare([int(core) for core in asked.bare.split(",")], asked.count)))
    elif asked.worker:
        worker_in_turn(asked.rounds)
    elif asked.tasks:
        tasks_alone(asked.count)
    elif asked.set:
        large_set(asked.set, asked.count)
    else:
        print(machine())
        for _ in range(asked.rounds):
            side_by_side(asked.count)


def side_by_side(count: int) -> None:
    """Print the rates of the bare engine, of a local run and of one on Ray."""
    cores = sorted(os.sched_getaffinity(0))
    alone = [run_bare([core], count // len(cores)) for core in cores]
    together = run_bare(cores, count)
    one_each = sum(each["faces_per_s"] for each in alone)
    print(f"bare engine, a core at a time, added up: {one_each:.2f} faces/s, {mean_cpu(alone):.1f} ms of CPU a face")
    print(f"bare engine, all cores: {together['faces_per_s']:.2f} faces/s, {together['cpu_ms']:.1f} ms of CPU a face")
    layouts = {
        "local, one worker": ["--workers", "1", "--worker-threads", str(len(cores))],
        "local, a worker a core": ["--workers", str(len(cores)), "--worker-threads", "1"],
        "ray, one worker": ["--engine", "ray", "--workers", "1", "--worker-threads", str(len(cores))],
    }
    for name, options in layouts.items():
        with tempfile.TemporaryDirectory() as folder:
            seen = run_bulk(Path(folder) / "set", count, options)
        cpu = f"{seen['cpu_ms']:.1f} ms of CPU a face, " if "ray" not in name else ""
        print(
            f"{name}: {seen['faces_per_s']:.2f} faces/s, {cpu}{seen['faces_per_s'] / one_each:.1%} of cores one by "
            f"one, {seen['faces_per_s'] / together['faces_per_s']:.1%} of all; start {seen['start_s']:.1f} s, in all "
            f"{seen['total_s']:.1f} s; memory {seen['peak_mb']:.0f} MB"
        )


def worker_in_turn(rounds: int) -> None:
    """Print what shards cost beside bare drawing: in one process, in turn, by time of the processors."""
    threads = len(os.sched_getaffinity(0))
    picture = PictureSettings(size_px=SIZE_PX)
    recipe = recipe_for(Store().load(DEFAULT_MODEL), precision="auto", wishes=None, picture=picture)
    maker = Maker.load(recipe, threads)
    with tempfile.TemporaryDirectory() as folder:
        calls: dict[str, Callable[[int], object]] = {
            "bare": lambda number: sum(1 for _ in maker.generator.faces(_turn(number))),
            "shard": lambda number: MakeShard(Target(folder), _shard(number))(maker).num_faces,
        }
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(rounds + 1):
            for name, call in calls.items():
                begin = time.process_time()
                call(number)
                taken[name].append((time.process_time() - begin) / TURN_FACES * 1e3)
    ratios = [bare / shard for bare, shard in zip(taken["bare"][1:], taken["shard"][1:], strict=True)]
    for name, times in taken.items():
        print(f"{name}: {statistics.median(times[1:]):.1f} ms of CPU a face")
    print(f"bare / shard: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


def tasks_alone(count: int) -> None:
    """Print how long it takes to give a task and have its result, with one worker and nothing to do."""
    recipe = recipe_for(Store().load(DEFAULT_MODEL), precision="auto", wishes=Wishes())
    kinds: tuple[CrewKind, ...] = ("local", "ray")
    for kind in kinds:
        with open_crew(CrewSettings(engine=kind, workers=1, worker_threads=1), recipe) as crew:
            begin = time.perf_counter()
            list(work_off(crew, [Find(range(0))]))
            started = time.perf_counter()
            list(work_off(crew, [Find(range(0)) for _ in range(count)]))
            each_ms = (time.perf_counter() - started) / count * 1e3
        print(f"{kind}: {each_ms:.2f} ms a task; the first after {started - begin:.1f} s")


def _turn(number: int) -> range:
    return range(number * TURN_FACES, (number + 1) * TURN_FACES)


def _shard(number: int) -> Shard:
    return Shard(number, ".tar", np.array(_turn(number), np.uint64), TURN_FACES)


def run_bare(cores: list[int], count: int) -> dict[str, float]:
    """Time the bare engine in a process of its own, bound to some cores."""
    command = [sys.executable, "-m", "benchmarks.bulk", "--bare", ",".join(map(str, cores)), "--count", str(count)]
    seen: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return seen


def bare(cores: list[int], count: int) -> dict[str, float]:
    """Draw faces, and do nothing with them."""
    os.sched_setaffinity(0, cores)
    engine = EngineSettings(layout="throughput", threads=len(cores), streams=len(cores))
    generator = Generator.load(engine=engine)
    for _ in generator.faces(range(WARM_UP)):
        pass
    begin, cpu = time.perf_counter(), time.process_time()
    for _ in generator.faces(range(count)):
        pass
    return {
        "faces_per_s": count / (time.perf_counter() - begin),
        "cpu_ms": (time.process_time() - cpu) / count * 1e3,
    }


def mean_cpu(runs: list[dict[str, float]]) -> float:
    """Give the mean time of the processors, in ms a face."""
    return sum(each["cpu_ms"] for each in runs) / len(runs)


def run_bulk(folder: Path, count: int, options: list[str]) -> dict[str, float]:
    """Time a set from its first finished file to its last."""
    begin, cpu = time.time(), _cpu_of_children_s()
    peak_mb = max(each["rss_mb"] for each in watched(bulk_command(folder, count, SHARD_MB, options), folder))
    end = time.time()
    finished = sorted((path.stat().st_mtime, _num_faces(path)) for path in folder.glob("records/*.json"))
    between_s = finished[-1][0] - finished[0][0]
    return {
        "faces_per_s": sum(number for _, number in finished[1:]) / between_s,
        "cpu_ms": (_cpu_of_children_s() - cpu) / count * 1e3,
        "start_s": finished[0][0] - begin,
        "total_s": end - begin,
        "peak_mb": peak_mb,
    }


def large_set(folder: Path, count: int) -> None:
    """Make a large set, or go on with it, printing a line a minute."""
    log = folder.with_name(f"{folder.name}.log.jsonl")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as lines:
        for seen in watched(bulk_command(folder, count, 8.0, []), folder, every_s=60):
            line = json.dumps({"at": round(time.time()), **seen})
            print(line, flush=True)
            lines.write(line + "\n")
            lines.flush()


def bulk_command(folder: Path, count: int, shard_mb: float, options: list[str]) -> list[str]:
    """Write the command that makes a set."""
    asked = {"--count": count, "--size": SIZE_PX, "--shard-mb": shard_mb, "--out": folder}
    flat = [str(each) for pair in asked.items() for each in pair]
    gate = [] if "--gate" in options else ["--no-gate"]
    return [sys.executable, "-m", "nobodies", "bulk", *flat, *gate, *options]


def watched(command: list[str], folder: Path, every_s: float = 1.0) -> Iterator[dict[str, Any]]:
    """Run a command: shards finished so far, and memory of its processes taken together, from time to time."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while True:
            yield {"shards": len(list(folder.glob("records/*.json"))), "rss_mb": round(_tree_mb(process.pid), 1)}
            try:
                if process.wait(timeout=every_s):
                    raise SystemExit(f"the run ended with {process.returncode}")
            except subprocess.TimeoutExpired:
                continue
            return


def _num_faces(record: Path) -> int:
    return int(json.loads(record.read_text())["num_faces"])


def _cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tree_mb(process_id: int) -> float:
    """Give the memory of a process and of all below it, what they share counted in parts (PSS)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    tree = [process_id]
    for each in tree:
        tree += children.get(each, [])
    return sum(map(_pss_mb, tree))


def _pss_mb(process_id: int) -> float:
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    main()
