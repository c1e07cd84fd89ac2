"""`nobodies audit`: are the faces unique, and nobody's?"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.bulk.reading import MadeSet
from nobodies.bulk.target import Target
from nobodies.cli.models import TerminalWatcher
from nobodies.cli.options import settings_from, settings_options
from nobodies.errors import SettingError
from nobodies.files import make_folder, write_atomic
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet, encode
from nobodies.imaging.decode import read_pixels
from nobodies.provenance import COMPOSITE_SOURCE_TYPE, encode_marked, packet
from nobodies.settings import DEFAULT_MODEL, EngineSettings, environment
from nobodies.uniqueness.audit import Likeness, collect_faces, collect_gallery, collect_set, find_adults, likeness
from nobodies.uniqueness.collection import Collection
from nobodies.uniqueness.gallery import Gallery
from nobodies.uniqueness.neighbours import Rows

_MOST_FACES = 1_000_000
_FACES = 1000
_PSI = 0.7


@click.command(name="audit")
@click.option("--faces", "count", type=int, metavar="N", help=f"How many.  [default: {_FACES}; all of a --set]")
@click.option("--psi", "psis", type=float, multiple=True, help=f"May be repeated.  [default: {_PSI}]")
@click.option("--set", "place", metavar="PLACE", help="Look at the faces of a set of 'nobodies bulk', and make none.")
@click.option("--gallery", type=click.Path(path_type=Path), help="Folder or zip with pictures of real people.")
@click.option("--show-gallery", is_flag=True, help="Write the nearest pairs of generated and real faces too.")
@click.option("--from-seed", "first_seed", type=int, metavar="S", help="Seed of the first face.  [default: 1]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("audit"), show_default=True, help="Folder.")
@click.option("--model", metavar="NAME", help=f"See 'nobodies models list'.  [default: {DEFAULT_MODEL}]")
@settings_options(EngineSettings, without=("layout",))
def command(
    count: int | None,
    psis: tuple[float, ...],
    place: str | None,
    gallery: Path | None,
    show_gallery: bool,
    first_seed: int | None,
    out: Path,
    model: str | None,
    **options: Any,
) -> None:
    """Measure how alike generated faces are, among themselves and to real people.

    Makes the faces of consecutive seeds, or takes those of a set. Writes audit.json, and nearest-….jpg with the
    pairs of generated adults that are most alike, into the folder --out. Of the gallery only embeddings are kept, in
    the data folder, and no picture is shown unless --show-gallery is given. Run the same command again to go on where
    it stopped, or with a larger --faces to add to it.
    """
    if show_gallery and gallery is None:
        raise SettingError("--show-gallery goes with --gallery")
    if place is not None and (psis or first_seed is not None or model is not None):
        raise SettingError("--set has its own seeds, psi and model: leave out --from-seed, --psi and --model")
    if count is not None and not 2 <= count <= _MOST_FACES:
        raise SettingError(f"--faces is {count}: give 2 to {_MOST_FACES}")
    make_folder(out)
    state = environment().data_dir / "audit"
    if place is not None:
        audited = iter([_of_set(MadeSet(Target(place)), state, count or _MOST_FACES)])
    else:
        first = 1 if first_seed is None else first_seed
        generator = _generator(model or DEFAULT_MODEL, first, options)
        audited = (_of_seeds(generator, state, psi, count or _FACES, first) for psi in psis or (_PSI,))
    people = _People.open(gallery, state) if gallery else None
    report: dict[str, Any] = {"faces": {}, "gallery": people and people.figures}
    for faces in audited:
        report["faces"][faces.name], pairs = _compared(faces, people)
        _write_pairs(faces, pairs, out)
        if people and show_gallery:
            _write_pairs_with(people, faces, out)
    write_atomic(out / "audit.json", json.dumps(report, indent=1).encode())
    click.echo(f"figures in {out / 'audit.json'}, nearest pairs in {out}")


@dataclass(frozen=True)
class _Faces:
    """Generated faces that are looked at."""

    name: str
    about: dict[str, Any]
    """What they are, for marks and file."""
    rows: Rows
    adults: NDArray[np.int64] | None
    """Numbers of those that do not look like minors; None where that is not told."""
    images: Callable[[Sequence[int]], Iterator[Image.Image]]
    """Gives the pictures of numbers."""

    @property
    def grown(self) -> NDArray[np.int64] | None:
        """The adults, where there are enough of them to compare."""
        known = self.adults is not None and np.isfinite(self.rows[self.adults]).all(axis=1).sum() >= 2
        return self.adults if known else None


@dataclass(frozen=True)
class _People:
    """Real people."""

    gallery: Gallery
    rows: Rows
    figures: dict[str, Any]

    @classmethod
    def open(cls, place: Path, state: Path) -> "_People":
        gallery = Gallery.open(place)
        folder = state / f"gallery-{gallery.fingerprint}"
        _show_progress(collect_gallery(gallery, folder), "gallery")
        rows = Collection.reopen(folder).rows()
        return cls(gallery, rows, _said("real people among themselves, some of them twice", likeness(rows)))


def _generator(model: str, first_seed: int, options: dict[str, Any]) -> Generator:
    if not 0 <= first_seed < 2**63:
        raise SettingError(f"--from-seed is {first_seed}: give 0 to 2**63 - 1")
    engine = settings_from(EngineSettings, options, layout="throughput")
    with TerminalWatcher() as watcher:
        return Generator.load(model, engine=engine, watcher=watcher)


def _of_seeds(generator: Generator, state: Path, psi: float, count: int, first: int) -> _Faces:
    model = generator.model
    folder = state / f"{model.name}-{model.origin[:12]}-psi-{psi:g}-from-{first}"
    _show_progress(collect_faces(generator, folder, psi=psi, count=count, first_seed=first), f"psi {psi:g}")
    adults = find_adults(generator, psi=psi, count=count, first_seed=first)
    return _Faces(
        f"psi-{psi:g}",
        {"model": model.name, "psi": psi, "first_seed": first},
        Collection.reopen(folder).rows()[:count],
        adults,
        lambda numbers: (face.image for face in generator.faces([first + each for each in numbers], psi=psi)),
    )


def _of_set(made: MadeSet, state: Path, count: int) -> _Faces:
    folder = state / f"set-{made.fingerprint}"
    count = min(count, len(made))
    _show_progress(collect_set(made, folder, count=count), "set")
    return _Faces(
        "set",
        {"set": made.fingerprint},
        Collection.reopen(folder).rows()[:count],
        None,
        lambda numbers: (Image.fromarray(read_pixels(next(made.pictures(each))[1])) for each in numbers),
    )


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


def _compared(faces: _Faces, people: _People | None) -> tuple[dict[str, Any], list[tuple[int, int]]]:
    """Print the figures of some faces; give them, and the pairs to be shown: of adults, where they can be told."""
    rows, name, numbers = faces.rows, faces.name, np.arange(len(faces.rows))
    nearest = likeness(rows)
    figures = faces.about | {"among": _said(f"generated faces among themselves, {name}", nearest)}
    if people is not None:
        against = likeness(rows, people.rows)
        figures["against_gallery"] = _said(f"generated faces against real people, {name}", against)
    if faces.grown is not None:
        numbers, nearest = faces.grown, likeness(rows[faces.grown])
        figures["adults_among"] = _said(f"those of them who do not look like minors, {name}", nearest)
    return figures, [(int(numbers[one]), int(numbers[other])) for one, other, _ in nearest.nearest_pairs]


def _write_pairs(faces: _Faces, pairs: list[tuple[int, int]], out: Path) -> None:
    """Show the generated faces that are most alike."""
    numbers = [number for pair in pairs for number in pair]
    sheet = contact_sheet(faces.images(numbers), count=len(numbers), columns=6)
    write_atomic(out / f"nearest-{faces.name}.jpg", encode_marked(sheet, faces.about | {"sheet_of": numbers}))


def _write_pairs_with(people: _People, faces: _Faces, out: Path) -> None:
    """Show generated faces beside the real ones that they are most like."""
    shown = np.arange(len(faces.rows)) if faces.grown is None else faces.grown
    pairs = likeness(faces.rows[shown], people.rows).nearest_pairs
    made = faces.images([int(shown[one]) for one, _, _ in pairs])
    real = (Image.fromarray(people.gallery.pixels(other)) for _, other, _ in pairs)
    sheet = contact_sheet(chain.from_iterable(zip(made, real, strict=True)), count=2 * len(pairs), columns=6)
    data = encode(sheet, xmp=packet(faces.about, source_type=COMPOSITE_SOURCE_TYPE))
    write_atomic(out / f"nearest-real-{faces.name}.jpg", data)
