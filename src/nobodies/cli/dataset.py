"""`nobodies dataset`: turn pictures into a dataset to train on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from nobodies.cli.options import settings_from, settings_options
from nobodies.training.building import BuildSettings, build, class_by_folder, class_by_table, read_report

if TYPE_CHECKING:
    from nobodies.training.building import Cut


@click.group(name="dataset")
def command() -> None:
    """Turn pictures into a dataset to train on."""


@command.command(name="build")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Zip to write.")
@click.option("--align", is_flag=True, help="Find faces and cut them out as FFHQ does; else the centre square.")
@click.option("--labels", help="'folders', or a CSV file of picture name and class.")
@click.option("--licence", default="", help="A note on the pictures' terms, kept in the report.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads.")
@settings_options(BuildSettings)
def build_command(
    source: Path, out: Path, align: bool, labels: str | None, licence: str, workers: int, **options: Any
) -> None:
    """Cut, check and pack the pictures in SOURCE: a folder, a zip, a picture or a video.

    The same command continues after any stop. OUT.report.json says what was left out and why; OUT.sheet.jpg shows a
    sample.
    """
    settings = settings_from(BuildSettings, options)
    classes = None if labels is None else class_by_folder if labels == "folders" else class_by_table(Path(labels))
    with tqdm(unit=" pictures", disable=None) as bar:
        for done, total in build(
            source, out, settings, cut=_face_cutter(settings) if align else None, classes=classes, licence=licence,
            workers=workers,
        ):  # fmt: skip
            bar.total = total
            bar.update(done - bar.n)
    report = read_report(out)
    click.echo(f"{out}: {report.num_pictures} pictures of {settings.resolution} px from {report.num_sources}")
    for reason, count in report.rejects.items():
        click.echo(f"left out, {reason}: {count}")


def _face_cutter(settings: BuildSettings) -> "Cut":
    from nobodies.training.faces import FaceCutter

    return FaceCutter(size_px=settings.resolution, min_face_px=settings.min_face)
