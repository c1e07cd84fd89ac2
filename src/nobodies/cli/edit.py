"""`nobodies edit`: one face, changed."""

from pathlib import Path
from typing import Any

import click

from nobodies import latents
from nobodies.cli.loading import face_settings, generator_options, open_generator, write_picture
from nobodies.errors import SettingError
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet, format_of
from nobodies.latents.edits import Edited, parse_changes
from nobodies.latents.files import load_codes
from nobodies.motion import slide
from nobodies.settings import FaceSettings


@click.command(name="edit")
@click.option("--seed", metavar="TEXT", help="The face to change: a number or any text.")
@click.option("--w", "w_file", type=click.Path(path_type=Path), help="Or its style codes, .npy or .npz.")
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE",
    help="age=60, age=+10, smile=yes, glasses=none, yaw==-20 (two signs for a value below 0); may be repeated.",
)  # fmt: skip
@click.option(
    "--checked",
    is_flag=True,
    help="Draw, measure how far it went and whether it is the same person, and correct that.",
)
@click.option("--strip", metavar="NAME=LOW..HIGH", help="Instead: a strip of steps, such as age=-20..+20.")
@click.option("--steps", default=7, show_default=True, type=click.IntRange(2, 25), help="Pictures on the strip.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("edited.jpg"), show_default=True, help="Picture."
)
@click.option("--w-out", type=click.Path(path_type=Path), help="Write the new style codes too, .npy.")
@generator_options
def command(
    changes: tuple[str, ...],
    checked: bool,
    strip: str | None,
    steps: int,
    out: Path,
    w_out: Path | None,
    **options: Any,
) -> None:
    """Change a face: the smallest step that moves what is asked and keeps the rest.

    A sign makes a step of it: age=60 makes somebody 60, age=+10 makes them ten years older. Where a face would break,
    the step is cut short, and it is said how far it went.
    """
    if bool(changes) == bool(strip):
        raise SettingError("give --set NAME=VALUE, or --strip NAME=LOW..HIGH")
    if strip and checked:
        raise SettingError("--checked is for --set: the steps of a strip are not measured")
    parsed = parse_changes(changes) if changes else None
    format_of(out)
    settings = face_settings(options)
    generator = open_generator(options)
    ws = _codes(generator, options, settings)
    if strip:
        _write_strip(generator, ws, strip, steps, out)
        return
    assert parsed is not None, "changes were given"
    edited = generator.edit(ws, parsed, checked=checked)
    face = generator.face(w=edited.ws, noise=_noise(settings))
    made_from = face.recipe() | {"edited": options["seed"] or str(options["w_file"]), "changes": list(changes)}
    write_picture(out, face.image, made_from)
    if w_out:
        _write_codes(w_out, edited)
    click.echo(f"{out}: {edited}; {_moved(edited, list(parsed))}")


def _codes(generator: Generator, options: dict[str, Any], settings: FaceSettings) -> Any:
    if (options["seed"] is None) == (options["w_file"] is None):
        raise SettingError("give the face to change: --seed or --w")
    if options["seed"] is not None:
        return generator.styles_of_seed(latents.parse_seed(options["seed"]), settings)
    faces = generator.conform(load_codes(options["w_file"], ("ws", "w")))
    if len(faces) != 1:
        raise SettingError(f"{options['w_file']} holds {len(faces)} faces: an edit takes one")
    return faces[0]


def _noise(settings: FaceSettings) -> Any:
    if settings.noise == "seeded":
        raise SettingError("an edited face has no seed for --noise seeded: choose stored or none")
    return settings.noise


def _moved(edited: Edited, names: list[str]) -> str:
    told = [name for name in names if name in edited.before and name in edited.after]
    parts = [f"{name} {edited.before[name]:.2f} to {edited.after[name]:.2f}" for name in told]
    return ", ".join(parts + [f"{name} cannot be told from the picture" for name in names if name not in told])


def _write_codes(path: Path, edited: Edited) -> None:
    import io

    import numpy as np

    from nobodies.files import write_atomic

    file = io.BytesIO()
    np.save(file, edited.ws)
    write_atomic(path, file.getvalue())


def _write_strip(generator: Generator, ws: Any, strip: str, steps: int, out: Path) -> None:
    name, low, high, relative = parse_slider(strip)
    values = [low + (high - low) * step / (steps - 1) for step in range(steps)]
    codes = slide(generator, ws, name, values, steps=relative)
    faces = generator.draw(((None, each) for each in codes), FaceSettings(psi=1.0))
    sheet = contact_sheet((face.image for face in faces), count=steps, columns=steps)
    write_picture(out, sheet, {"strip": strip, "steps": steps, "model": generator.model.name})
    click.echo(f"{out}: {name} {low:g} to {high:g} in {steps} pictures")


def parse_slider(text: str) -> tuple[str, float, float, bool]:
    """Read "age=20..70" or, for steps, "age=-20..+20": name, ends, and whether they are steps.

    Raises:
        SettingError: it is neither.
    """
    name, _, values = text.partition("=")
    low, dots, high = values.partition("..")
    try:
        ends = float(low.lstrip("=")), float(high)
    except ValueError:
        dots = ""
        ends = 0.0, 0.0
    if not (name.strip() and dots):
        raise SettingError(f"'{text[:40]}' is no slider: write for example age=20..70, or age=-20..+20 for steps")
    return name.strip().lower().replace("-", "_"), *ends, low.startswith(("+", "-")) or high.startswith("+")
