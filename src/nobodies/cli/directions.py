"""`nobodies directions`: what a model can change that nobody gave a name, as strips of pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from nobodies import latents
from nobodies.cli.loading import face_settings, generator_options, open_generator, write_picture
from nobodies.errors import ModelError
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet, format_of
from nobodies.latents.directions import Directions, ganspace, sefa
from nobodies.latents.mixing import layers_of
from nobodies.settings import FaceSettings

_NUM_SAMPLES = 4_000


@click.command(name="directions")
@click.option("--method", type=click.Choice(["sefa", "ganspace"]), default="sefa", show_default=True,
              help="From the weights (SeFa), or from how style codes spread (GANSpace).")  # fmt: skip
@click.option("--layers", default="all", show_default=True, help="Layers to look at and to change; see 'mix'.")
@click.option("--seed", default="1", show_default=True, metavar="TEXT", help="The face that is moved.")
@click.option("--count", default=8, show_default=True, type=click.IntRange(1, 64), help="Directions, a row each.")
@click.option("--first", default=1, show_default=True, type=click.IntRange(1, 512), help="Number of the first one.")
@click.option("--steps", default=7, show_default=True, type=click.IntRange(2, 15), help="Pictures in a row.")
@click.option("--reach", default=3.0, show_default=True, type=click.FloatRange(0.1, 20),
              help="Standard deviations to either side.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=Path("directions.jpg"), show_default=True,
              help="Picture.")  # fmt: skip
@click.option("--w-out", type=click.Path(path_type=Path), help="Write the directions too, .npy, [N, W].")
@generator_options
def command(method: str, layers: str, count: int, first: int, out: Path, w_out: Path | None, **options: Any) -> None:
    """Find directions of change without labels and show each as a strip of pictures."""
    format_of(out)
    settings = face_settings(options)
    generator = open_generator(options)
    chosen = layers_of(layers, generator.engine.num_ws)
    found = _find(generator, method, chosen, first + count - 1)
    vectors = found.vectors[first - 1 :]
    ws = generator.styles_of_seed(latents.parse_seed(options["seed"]), settings)
    codes = _strips(ws, vectors, chosen, options["steps"], options["reach"])
    faces = generator.draw(((None, each) for each in codes), FaceSettings(psi=1.0))
    total = len(vectors) * options["steps"]
    sheet = contact_sheet((face.image for face in faces), count=total, columns=options["steps"], cell_px=160)
    write_picture(out, sheet, {"directions": method, "layers": layers, "seed": options["seed"]})
    if w_out:
        _write(w_out, vectors)
    for number, share in enumerate(found.shares[first - 1 :], first):
        click.echo(f"{number:3} {method} direction explains {share:.1%}")


def _find(generator: Generator, method: str, layers: slice, count: int) -> Directions:
    w = generator.engine.map(latents.z_from_seeds(range(_NUM_SAMPLES), generator.engine.z_dim))
    if method == "ganspace":
        return ganspace(w, count)
    return sefa(generator.model.tensors, modulated_layers(generator)[layers], w, count)


def modulated_layers(generator: Generator) -> list[str]:
    """Give the names of the layers that take a style code, in their order.

    Raises:
        ModelError: the model does not say.
    """
    from nobodies.errors import WeightsError
    from nobodies.models.architectures import mobile_stylegan

    try:
        return [name for name, _ in mobile_stylegan.read(generator.model.description.network).modulated_layers()]
    except WeightsError as error:
        raise ModelError(
            f"SeFa needs the layers of {generator.model.name}: {error}; try --method ganspace"
        ) from error


def _strips(
    ws: NDArray[np.float32], vectors: NDArray[np.float32], layers: slice, steps: int, reach: float
) -> Iterator[NDArray[np.float32]]:
    for vector in vectors:
        for size in np.linspace(-reach, reach, steps, dtype=np.float32):
            moved = ws.copy()
            moved[layers] += size * vector
            yield moved


def _write(path: Path, vectors: NDArray[np.float32]) -> None:
    import io

    from nobodies.files import write_atomic

    file = io.BytesIO()
    np.save(file, vectors)
    write_atomic(path, file.getvalue())
