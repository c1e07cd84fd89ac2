"""`nobodies project`: the invented person who looks most like a photograph."""

import io
import sys
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np
from PIL import Image

from nobodies.cli.loading import generator_options, open_generator, write_picture
from nobodies.errors import SettingError
from nobodies.files import require_writable, write_atomic
from nobodies.imaging import contact_sheet
from nobodies.imaging.decode import read_pixels
from nobodies.projection import Likeness, Method, align_photograph, project


@click.command(name="project")
@click.argument("photograph", type=click.Path(path_type=Path))
@click.option("--seconds", default=60.0, show_default=True, help="Time to look for likeness; 0 for a first answer.")
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="measured",
    show_default=True,
    help="Draw, measure and correct; or follow gradients with one code, or one a layer (both need torch).",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("projected"), show_default=True, help="Folder.")
@generator_options
def command(photograph: Path, seconds: float, method: Method, out: Path, **options: Any) -> None:
    """Find the invented person who looks most like a photograph.

    Writes face.png, its style code w.npy (for 'nobodies edit --w' and 'generate --w'), and side-by-side.jpg. It keeps
    pose, age, expression and the broad features; the person is another one, and background and clothes are invented.
    """
    from tqdm import tqdm

    aligned = align_photograph(read_pixels(photograph))
    if options["noise"] == "seeded":
        raise SettingError("a projected face has no seed for --noise seeded: choose stored or none")
    generator = open_generator(options)
    require_writable(out)
    best: Likeness | None = None
    with tqdm(unit="face", file=sys.stderr, disable=None) as bar:
        for best in project(generator, aligned, limit_s=seconds, method=method):
            bar.update(best.number - bar.n)
            bar.set_postfix(distance=f"{best.distance:.3f}")
    if best is None:
        raise SettingError(f"the generator showed no face like {photograph}: give a clearer photograph")
    face = generator.face(w=best.w, noise=options["noise"])
    made_from = face.recipe() | {"projected_from": photograph.name}
    write_picture(out / "face.png", face.image, made_from)
    pair = contact_sheet([Image.fromarray(aligned), face.image], count=2, columns=2, cell_px=512)
    write_picture(out / "side-by-side.jpg", pair, made_from)
    file = io.BytesIO()
    np.save(file, best.w)
    write_atomic(out / "w.npy", file.getvalue())
    done = f"{best.number} {_COUNTED[method]}"
    click.echo(f"{out}: identity distance {best.distance:.3f} after {done}; {_verdict(best.distance)}")


_COUNTED = {"measured": "faces", "gradient": "steps", "layers": "steps"}


def _verdict(distance: float) -> str:
    from nobodies.vision.identity import threshold

    return "taken for the same person" if distance < threshold(0.001) else "not taken for the same person"
