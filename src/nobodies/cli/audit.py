"""`nobodies audit`: are the faces unique, and nobody's?"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from nobodies.cli.models import TerminalWatcher
from nobodies.cli.options import settings_from, settings_options
from nobodies.errors import SettingError
from nobodies.files import make_folder, write_atomic
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet
from nobodies.provenance import encode_marked
from nobodies.settings import DEFAULT_MODEL, EngineSettings, environment
from nobodies.uniqueness.audit import Likeness, collect_faces, collect_gallery, find_adults, likeness
from nobodies.uniqueness.collection import Collection
from nobodies.uniqueness.gallery import Gallery
from nobodies.uniqueness.neighbours import Rows

_MOST_FACES = 1_000_000


@click.command(name="audit")
@click.option("--faces", "count", type=int, default=1000, show_default=True, metavar="N", help="How many to make.")
@click.option("--psi", "psis", type=float, multiple=True, default=(0.7,), show_default=True, help="May be repeated.")
@click.option("--gallery", type=click.Path(path_type=Path), help="Folder or zip with pictures of real people.")
@click.option("--from-seed", "first_seed", type=int, default=1, show_default=True, help="Seed of the first face.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("audit"), show_default=True, help="Folder.")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="See 'nobodies models list'.")
@settings_options(EngineSettings, without=("layout",))
def command(
    count: int, psis: tuple[float, ...], gallery: Path | None, first_seed: int, out: Path, model: str, **options: Any
) -> None:
    """Measure how alike generated faces are, among themselves and to real people.

    Writes audit.json, and nearest-psi-P.jpg with the pairs of generated adults that are most alike, into the folder
    --out. Pictures of the gallery are never shown or kept, only their embeddings, in the data folder. Run the same
    command again to go on where it stopped, or with a larger --faces to add to it.
    """
    _check(count, first_seed)
    make_folder(out)
    state = environment().data_dir / "audit"
    report: dict[str, Any] = {"model": model, "first_seed": first_seed, "faces": {}, "gallery": None}
    people = _gallery_rows(gallery, state) if gallery else None
    if people is not None:
        report["gallery"] = _said("real people among themselves, some of them twice", likeness(people))
    engine = settings_from(EngineSettings, options, layout="throughput")
    with TerminalWatcher() as watcher:
        generator = Generator.load(model, engine=engine, watcher=watcher)
    for psi in psis:
        folder = state / f"{model}-{generator.model.origin[:12]}-psi-{psi:g}-from-{first_seed}"
        _show_progress(collect_faces(generator, folder, psi=psi, count=count, first_seed=first_seed), f"psi {psi:g}")
        rows = _rows(folder)[:count]
        adults = find_adults(generator, psi=psi, count=count, first_seed=first_seed)
        report["faces"][f"{psi:g}"], pairs = _compared(rows, people, adults, f"psi {psi:g}")
        seeds = [first_seed + number for pair in pairs for number in pair]
        _write_pairs(generator, seeds, psi, out / f"nearest-psi-{psi:g}.jpg")
    write_atomic(out / "audit.json", json.dumps(report, indent=1).encode())
    click.echo(f"figures in {out / 'audit.json'}, nearest pairs in {out}")


def _check(count: int, first_seed: int) -> None:
    if not 2 <= count <= _MOST_FACES:
        raise SettingError(f"--faces is {count}: give 2 to {_MOST_FACES}")
    if not 0 <= first_seed < 2**63:
        raise SettingError(f"--from-seed is {first_seed}: give 0 to 2**63 - 1")


def _gallery_rows(place: Path, state: Path) -> Rows:
    gallery = Gallery.open(place)
    folder = state / f"gallery-{gallery.fingerprint}"
    _show_progress(collect_gallery(gallery, folder), "gallery")
    return _rows(folder)


def _rows(folder: Path) -> Rows:
    return Collection.reopen(folder).rows()


def _show_progress(counts: Iterator[int], what: str) -> None:
    from tqdm import tqdm

    with tqdm(unit="face", desc=what, file=sys.stderr, disable=None) as bar:
        for done in counts:
            bar.update(done - bar.n)


def _said(title: str, found: Likeness) -> dict[str, Any]:
    """Print the figures, and hand them on for the file."""
    click.echo(f"\n{title}: {found.num_faces} against {found.num_others}")
    shown = ", ".join(f"{value:.3f} ({key}%)" for key, value in found.nearest.items())
    click.echo(f"  distance of the nearest other, percentiles: {shown}")
    for each in found.at:
        click.echo(
            f"  under {each.distance:g}: {each.num_pairs} pairs, {each.share_of_pairs:.2e} of all; "
            f"{each.num_faces} faces ({100 * each.num_faces / found.num_faces:.1f}%) have one"
        )
    return found.to_json()


def _compared(
    rows: Rows, people: Rows | None, adults: NDArray[np.int64] | None, made: str
) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """Print the figures of some faces; give them, and which pairs to show: of adults, where they can be told."""
    among = likeness(rows)
    figures = {"among": _said(f"generated faces among themselves, {made}", among)}
    if people is not None:
        figures["against_gallery"] = _said(f"generated faces against real people, {made}", likeness(rows, people))
    if adults is None or np.isfinite(rows[adults]).all(axis=1).sum() < 2:
        return figures, [(one, other) for one, other, _ in among.nearest_pairs]
    grown = likeness(rows[adults])
    figures["adults_among"] = _said(f"those of them who do not look like minors, {made}", grown)
    return figures, [(int(adults[one]), int(adults[other])) for one, other, _ in grown.nearest_pairs]


def _write_pairs(generator: Generator, seeds: list[int], psi: float, path: Path) -> None:
    faces = generator.faces(seeds, psi=psi)
    sheet = contact_sheet((face.image for face in faces), count=len(seeds), columns=6)
    write_atomic(path, encode_marked(sheet, {"model": generator.model.name, "psi": psi, "sheet_of": seeds}))
