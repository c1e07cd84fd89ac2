"""`nobodies mix`: layers of one face with layers of another, a table of mixes, or the face between several."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies import latents
from nobodies.cli.loading import face_settings, generator_options, open_generator, write_picture
from nobodies.errors import SettingError
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet, format_of
from nobodies.latents.mixing import average, layers_of, mix, mixing_table
from nobodies.settings import FaceSettings

_MOST_ON_TABLE = 400


@click.command(name="mix")
@click.option("--base", metavar="TEXT", help="The face that keeps the other layers.")
@click.option("--other", metavar="TEXT", help="The face that gives --layers.")
@click.option("--rows", metavar="LIST", help="For a table: base faces, for example 1-4.")
@click.option("--columns", metavar="LIST", help="For a table: faces that give --layers.")
@click.option("--average", "averaged", metavar="LIST", help="The face between these.")
@click.option("--layers", default="coarse", show_default=True,
              help="coarse (pose, shape), middle (features), fine (colours), all, or 3-7.")  # fmt: skip
@click.option("--strength", default=1.0, show_default=True, type=click.FloatRange(0, 1),
              help="How much of the other face's layers is taken.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=Path("mixed.jpg"), show_default=True, help="Picture.")
@generator_options
def command(layers: str, strength: float, out: Path, **options: Any) -> None:
    """Mix faces: --base with --other, --rows with --columns, or the --average of several."""
    format_of(out)
    way = _way(options)
    settings = face_settings(options)
    generator = open_generator(options)
    chosen = layers_of(layers, generator.engine.num_ws)
    made_from = {way: [options[each] for each in _WAYS[way]], "layers": layers, "model": generator.model.name}
    if way == "table":
        rows, columns = (latents.parse_seed_ranges(options[each]) for each in ("rows", "columns"))
        if len(rows) * len(columns) > _MOST_ON_TABLE:
            raise SettingError(f"the table has {len(rows)} x {len(columns)} faces: make it {_MOST_ON_TABLE} or fewer")
        write_picture(out, _table(generator, rows, columns, chosen, settings), made_from)
    else:
        codes = _mixed(generator, options, way, chosen, strength, settings)
        write_picture(out, next(_draw(generator, codes[None], settings)), made_from)
    click.echo(f"{out}: {way} of {', '.join(str(options[each]) for each in _WAYS[way])}")


_WAYS = {"mix": ("base", "other"), "table": ("rows", "columns"), "average": ("averaged",)}


def _way(options: dict[str, Any]) -> str:
    given = {name for names in _WAYS.values() for name in names if options[name] is not None}
    for way, names in _WAYS.items():
        if given == set(names):
            return way
    raise SettingError("give --base and --other, or --rows and --columns, or --average")


def _mixed(
    generator: Generator, options: dict[str, Any], way: str, layers: slice, strength: float, settings: FaceSettings
) -> NDArray[np.float32]:
    if way == "average":
        return average(_codes(generator, latents.parse_seed_ranges(options["averaged"]), settings))
    base, other = (latents.parse_seed(options[each]) for each in ("base", "other"))
    ws = _codes(generator, [base, other], settings)
    return mix(ws[0], ws[1], layers, strength=strength)


def _codes(generator: Generator, seeds: Sequence[int], settings: FaceSettings) -> NDArray[np.float32]:
    return np.stack([generator.styles_of_seed(seed, settings) for seed in seeds])


def _draw(generator: Generator, ws: NDArray[np.float32], settings: FaceSettings) -> Iterator[Image.Image]:
    if settings.noise == "seeded":
        raise SettingError("mixed faces have no seed for --noise seeded: choose stored or none")
    return (face.image for face in generator.draw(((None, each) for each in ws), settings))


def _table(
    generator: Generator, rows: Sequence[int], columns: Sequence[int], layers: slice, settings: FaceSettings
) -> Image.Image:
    """Lay out the mixes, with the faces that were mixed in the first row and the first column."""
    of_rows, of_columns = (_codes(generator, seeds, settings) for seeds in (rows, columns))
    table = mixing_table(of_rows, of_columns, layers)
    lines = [of_columns, *(np.concatenate([row[None], mixes]) for row, mixes in zip(of_rows, table, strict=True))]
    corner = Image.new("RGB", (8, 8), (24, 24, 24))
    pictures = _draw(generator, np.concatenate(lines), settings)
    count = (len(rows) + 1) * (len(columns) + 1)
    return contact_sheet(_after(corner, pictures), count=count, columns=len(columns) + 1, cell_px=192)


def _after(first: Image.Image, rest: Iterator[Image.Image]) -> Iterator[Image.Image]:
    yield first
    yield from rest
