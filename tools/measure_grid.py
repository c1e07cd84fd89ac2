"""Measure the part of the default model's grid that every picture has, and write it into the package.

    python -m tools.measure_grid [--faces 400]

Draws faces as the model was shipped, half with psi 0.7 and half with 1, and takes the mean of the pixels at each of
the 32 x 32 places of a tile, without what is too coarse to be a grid.
"""

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.engines import open_engine
from nobodies.files import write_atomic
from nobodies.generator import Generator
from nobodies.latents import z_from_seed
from nobodies.models import Store, mending
from nobodies.models.architectures.grid import TENSOR, TILE_PX
from nobodies.settings import DEFAULT_MODEL, EngineSettings, FaceSettings

OUTPUT: Final = Path(mending.__file__).with_name("mends") / f"{DEFAULT_MODEL}.safetensors"
FIRST_SEED: Final = 300_000
_LOWEST: Final = 2.1  # in cycles a tile: a period of 15 px


def tile_of(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Give the mean of a picture [3, R, R] at each place of a tile, [3, 32, 32], without its coarse part."""
    size = picture.shape[1] // TILE_PX
    means = picture.astype(np.float64).reshape(3, size, TILE_PX, size, TILE_PX).mean(axis=(1, 3))
    cycles = np.fft.fftfreq(TILE_PX) * TILE_PX
    kept = np.hypot(cycles[:, None], cycles[None]) >= _LOWEST
    return np.asarray(np.fft.ifft2(np.fft.fft2(means) * kept).real)


def main() -> None:
    """Draw, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=400)
    count = parser.parse_args().faces
    model = Store().load(DEFAULT_MODEL, as_shipped=True)
    engine = open_engine(model, EngineSettings(precision="f32"), compiled_folder=None)
    generator = Generator(model, engine)
    total = np.zeros((3, TILE_PX, TILE_PX))
    for index in range(count):
        z = z_from_seed(FIRST_SEED + index, engine.z_dim)[None]
        ws = generator.styles(z, FaceSettings(psi=1.0 if index % 2 else 0.7))
        total += tile_of(engine.synthesize_float(ws)[0])
    tile = (total / count).astype(np.float32)
    OUTPUT.parent.mkdir(exist_ok=True)
    write_atomic(OUTPUT, mending.to_bytes({TENSOR: tile}, model.description.weights_sha256))
    print(f"mean of {count} faces: {127.5 * tile.std():.2f} grey levels, {127.5 * np.abs(tile).max():.1f} at most")


if __name__ == "__main__":
    main()
