"""`nobodies morph`: faces in motion."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from nobodies import latents
from nobodies.cli.edit import parse_slider
from nobodies.cli.loading import face_settings, generator_options, open_generator
from nobodies.cli.options import settings_from, settings_options
from nobodies.errors import SettingError
from nobodies.files import make_folder
from nobodies.generator import Face, Generator
from nobodies.imaging import resize
from nobodies.motion import Motion, morph, slide, swing
from nobodies.provenance import write_marked_animation
from nobodies.provenance.moving import require_marked
from nobodies.settings import FaceSettings, MarkSettings

_USUAL_PX = 512


@click.command(name="morph")
@click.option("--seeds", metavar="LIST", help="Faces to go through, in this order, for example 3,1,7-9.")
@click.option("--seed", metavar="TEXT", help="Or one face, with --slide.")
@click.option("--slide", "slider", metavar="NAME=LOW..HIGH", help="Move one attribute: age=20..70, or age=-10..+30.")
@click.option("--through", type=click.Choice(["w", "z", "curve"]), default="w", show_default=True,
              help="Straight lines in w, arcs in z, or a closed curve in w without corners.")  # fmt: skip
@click.option("--pace", type=click.Choice(["eased", "linear"]), default="eased", show_default=True,
              help="Slower near each face, or always alike.")  # fmt: skip
@click.option("--loop", is_flag=True, help="End where it began.")
@click.option("--seconds", default=2.0, show_default=True, help="Time from one face to the next, or of the slide.")
@click.option("--fps", default=25.0, show_default=True, type=click.FloatRange(1, 120), help="Pictures a second.")
@click.option("--size", "size_px", type=click.IntRange(16, 4096), metavar="PX",
              help="Side of the picture; 512 if not given, or less if the model draws smaller ones.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=Path("morph.mp4"), show_default=True,
              help=".mp4, .webm, .mkv, .mov, .gif or .webp.")  # fmt: skip
@settings_options(MarkSettings)
@generator_options
def command(seconds: float, fps: float, size_px: int | None, out: Path, **options: Any) -> None:
    """Make a film of faces that turn into each other, or of one face that changes."""
    num_frames = round(seconds * fps) if 0 < seconds <= 3600 else 0
    if num_frames < 1:
        raise SettingError(f"--seconds is {seconds:g}: it must be above 0, up to an hour")
    marks = settings_from(MarkSettings, options)
    require_marked(out, marks)
    settings = face_settings(options)
    if settings.noise == "seeded":
        raise SettingError("pictures between faces have no seed for --noise seeded: choose stored or none")
    generator = open_generator(options, "throughput")
    largest = generator.engine.resolution
    size_px = size_px or min(largest, _USUAL_PX)
    if size_px > largest:
        raise SettingError(f"--size is {size_px}: {generator.model.name} makes {largest} px at most")
    codes = _codes(generator, options, num_frames, settings)
    make_folder(out.parent)
    pictures = _pictures(generator.draw(((None, each) for each in codes), settings), size_px)
    count = write_marked_animation(
        out, pictures, _recipe(generator, options, settings), rate_fps=fps, loop=options["loop"], marks=marks
    )
    click.echo(f"{out}: {count} pictures, {count / fps:.1f} s")


def _recipe(generator: Generator, options: dict[str, Any], settings: FaceSettings) -> dict[str, Any]:
    """Say what made the film, in JSON values."""
    drawn = {"model": generator.model.name, "weights": generator.model.fingerprint, "psi": settings.psi}
    drawn |= {"cutoff": settings.cutoff, "noise": settings.noise}
    if options["slider"] is not None:
        return drawn | {"slide": options["slider"], "of_seed": latents.parse_seed(options["seed"])}
    return drawn | {"morph": options["seeds"], "through": options["through"]}


def _codes(
    generator: Generator, options: dict[str, Any], num_frames: int, settings: FaceSettings
) -> Iterator[NDArray[np.float32]]:
    if options["slider"] is not None:
        if options["seed"] is None:
            raise SettingError("--slide moves one face: give it with --seed")
        name, low, high, steps = parse_slider(options["slider"])
        values = swing(low, high, num_frames, loop=options["loop"], pace=options["pace"])
        ws = generator.styles_of_seed(latents.parse_seed(options["seed"]), settings)
        return slide(generator, ws, name, values, steps=steps)
    if options["seeds"] is None:
        raise SettingError("give --seeds LIST to go through, or --seed and --slide")
    motion = Motion(num_frames, options["through"], options["pace"], options["loop"])
    return morph(generator, latents.parse_seed_ranges(options["seeds"]), motion, settings)


def _pictures(faces: Iterator[Face], size_px: int) -> Iterator[NDArray[np.uint8]]:
    from tqdm import tqdm

    for face in tqdm(faces, unit="picture", file=sys.stderr, disable=None):
        yield np.asarray(resize(face.image, size_px))
