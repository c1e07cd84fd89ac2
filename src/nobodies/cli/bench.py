"""`nobodies bench`: speed and memory on this machine."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from nobodies import bench
from nobodies.cli.models import TerminalWatcher
from nobodies.cli.options import settings_from, settings_options
from nobodies.generator import Generator
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL, EngineSettings, PictureFormat, PictureSettings, Precision


@click.command(name="bench")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="See 'nobodies models list'.")
@click.option(
    "--faces", "count", type=click.IntRange(4, 10_000), default=40, show_default=True, help="Faces a figure."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options(EngineSettings, without=("layout",))
def command(model: str, count: int, as_json: bool, **options: Any) -> None:
    """Measure speed and memory on this machine.

    Times map, synthesis and encoding; whole jobs by format and size; the start of a new process; and, where the
    download of the model is still in the cache, the graph as its author shipped it, side by side with ours.
    """
    report = _measure(model, count, options)
    click.echo(json.dumps(report, indent=2) if as_json else bench.table(_rows(report)))


def _measure(model: str, count: int, options: dict[str, Any]) -> dict[str, Any]:
    store = Store()
    with TerminalWatcher() as watcher:
        one = Generator.load(model, engine=settings_from(EngineSettings, options, layout="latency"), watcher=watcher)
    report: dict[str, Any] = {"machine": asdict(bench.machine()), "stages": asdict(bench.measure_stages(one))}
    del one
    many = Generator.load(model, engine=settings_from(EngineSettings, options, layout="throughput"))
    report["faces_per_s"] = {
        f"{format} {size_px} px": bench.measure_job(
            many, PictureSettings(format=format, size_px=size_px), count=count
        )
        for format in get_args(PictureFormat)
        for size_px in (many.engine.resolution, many.engine.resolution // 2)
    }
    report["peak_memory_mb"] = bench.peak_memory_mb()
    report["start"] = asdict(bench.measure_start(model))
    with tempfile.TemporaryDirectory() as folder:
        if shipped := bench.unpack_shipped(store, model, Path(folder)):
            precisions: tuple[Precision, ...] = ("f32", "auto")
            report["beside_shipped"] = {
                precision: asdict(bench.compare(many.model, shipped, precision)) for precision in precisions
            }
    return report


def _rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    about, stages = report["machine"], report["stages"]
    yield "machine", f"{about['processor']}, {about['num_cores']} cores, OpenVINO {about['openvino']}"
    yield f"map, {stages['precision']}", f"{stages['map_ms']:.2f} ms a face"
    yield "synthesis", f"{stages['synthesis_ms']:.1f} ms a face"
    for name, taken in stages["encode_ms"].items():
        yield f"encode {name}", f"{taken:.1f} ms a face"
    for name, rate in report["faces_per_s"].items():
        yield f"whole job {name}", f"{rate:.1f} faces/s"
    yield "peak memory of these jobs", f"{report['peak_memory_mb']:.0f} MB"
    yield "new process to first face on disk", f"{report['start']['first_face_s']:.2f} s"
    yield "peak memory of that process", f"{report['start']['peak_memory_mb']:.0f} MB"
    for name, each in report.get("beside_shipped", {}).items():
        ratio = f"{each['latency_ratio']:.2f} x ({each['shipped_ms']:.0f} ms / {each['ours_ms']:.1f} ms)"
        yield f"latency against the shipped graph, {name}", ratio
        rates = f"({each['ours_faces_per_s']:.1f} / {each['shipped_faces_per_s']:.1f} faces/s)"
        yield f"throughput against the shipped graph, {name}", f"{each['throughput_ratio']:.2f} x {rates}"
