"""Print how high the grid of the default model stands, as shipped and mended, what else changes, and what it costs.

    python -m benchmarks.grid [--faces 24] [--precision auto] [--rounds 20] [--picture FILE]

FILE gets the same places of three faces side by side: as shipped, mended, and what was taken out, eight times as
strong. The cost is processor time of one thread, the two drawn in turn, which other programs hardly disturb.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.engines import open_engine
from nobodies.generator import Generator
from nobodies.inspection.spectrum import measure_grid
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL, EngineSettings, Precision

Array = NDArray[Any]
Pixels = NDArray[np.uint8]

AS_USUAL: Final = EngineSettings()
FIRST_SEED: Final = 9_000
SIZE: Final = 1024
RINGS: Final = {"8 px": 128, "4 px": 256, "4 and 8 px": 286, "2.7 px": 384, "2 px": 512}
"""Places of the grid in the spectrum averaged over directions, by their periods, in cycles a picture."""
BANDS: Final = ((50, 120), (130, 250), (260, 380), (390, 508), (514, 700))
CUTS: Final = ((420, 120), (430, 600), (60, 60))
_CUT_PX: Final = 160


def opened(*, as_shipped: bool, settings: EngineSettings) -> Generator:
    """Open the model in one of its two forms."""
    store = Store()
    model = store.load(DEFAULT_MODEL, as_shipped=as_shipped)
    return Generator(model, open_engine(model, settings, compiled_folder=store.compiled_folder))


def pictures(*, as_shipped: bool, count: int, settings: EngineSettings = AS_USUAL) -> Iterator[Pixels]:
    """Draw the faces to measure."""
    for face in opened(as_shipped=as_shipped, settings=settings).faces(range(FIRST_SEED, FIRST_SEED + count)):
        yield face.pixels


def grey(pixels: Pixels) -> Array:
    """Give luminance, in grey levels."""
    return pixels.astype(np.float64) @ [0.299, 0.587, 0.114]


def power(pixels: Pixels) -> Array:
    """Give the power spectrum of the windowed picture."""
    window = np.outer(np.hanning(SIZE), np.hanning(SIZE))
    plane = grey(pixels)
    return np.asarray(np.square(np.abs(np.fft.fft2((plane - plane.mean()) * window))))


def frequencies() -> tuple[Array, Array]:
    """Give the distance of each place of the spectrum from its middle, and from the nearest line of the grid."""
    steps = np.fft.fftfreq(SIZE) * SIZE
    off = (steps + 16) % 32 - 16
    return np.hypot(steps[:, None], steps[None]), np.hypot(off[:, None], off[None])


def ring_excess(spectrum: Array, radius: int) -> float:
    """Give how far the mean over all directions stands above that of the neighbours, in decades."""
    rings = np.rint(frequencies()[0] - 0.5).astype(int).ravel()
    means = np.bincount(rings, spectrum.ravel()) / np.bincount(rings)
    around = [means[radius + step] for step in (-9, -7, -5, -3, 3, 5, 7, 9)]
    return float(np.log10(means[radius] / np.median(around)))


def laplacian(pixels: Pixels) -> float:
    """Give the mean energy of the modified Laplacian. Source: Nayar and Nakagawa, "Shape from focus", 1994."""
    plane = grey(pixels)
    middle = plane[1:-1, 1:-1]
    across = np.abs(2 * middle - plane[1:-1, :-2] - plane[1:-1, 2:])
    down = np.abs(2 * middle - plane[:-2, 1:-1] - plane[2:, 1:-1])
    return float(np.square(across + down).mean())


def smooth_parts(spectrum: Array) -> list[float]:
    """Give the mean level of each band, away from the grid's lines, as a logarithm."""
    radius, off = frequencies()
    return [float(np.log10(spectrum[(radius > low) & (radius < high) & (off > 13)]).mean()) for low, high in BANDS]


def half(pixels: Pixels) -> Pixels:
    """Halve the side."""
    return np.asarray(Image.fromarray(pixels).reduce(2))


def print_comparison(before: Sequence[Pixels], after: Sequence[Pixels]) -> None:
    """Print all measures of both."""
    spectra = [np.mean([power(each) for each in pixels], axis=0) for pixels in (before, after)]
    for name, radius in RINGS.items():
        was, is_now = (ring_excess(each, radius) for each in spectra)
        print(f"ring of period {name}: {was:.2f} decades above its neighbours as shipped, {is_now:.2f} mended")
    grids = [[grid for each in pixels if (grid := measure_grid(each))] for pixels in (before, after)]
    for part in ("quarter", "odd"):
        middle = [statistics.median(getattr(grid, part) for grid in each) for each in grids]
        most = [max(getattr(grid, part) for grid in each) for each in grids]
        print(f"{part}: median {middle[0]:.2f} to {middle[1]:.2f}, highest {most[0]:.2f} to {most[1]:.2f}")
    changes = np.subtract(smooth_parts(spectra[1]), smooth_parts(spectra[0]))
    print(
        "between the lines, decades by band:",
        ", ".join(f"{a}-{b}: {c:+.3f}" for (a, b), c in zip(BANDS, changes, strict=True)),
    )
    error = [np.square(a.astype(float) - b).mean() for a, b in zip(before, after, strict=True)]
    print(f"PSNR to the shipped picture: {np.mean(10 * np.log10(255**2 / np.array(error))):.1f} dB on average")
    for name, view in (("full size", lambda each: each), ("half size", half)):
        sharp = [statistics.mean(laplacian(view(each)) for each in pixels) for pixels in (before, after)]
        print(f"Laplacian energy at {name}: {sharp[0]:.1f} to {sharp[1]:.1f}")


def print_cost(settings: EngineSettings, rounds: int) -> None:
    """Draw one face in both forms in turn, on one thread, and print processor time."""
    alone = replace(settings, threads=1, streams=1)
    forms = [opened(as_shipped=kind, settings=alone) for kind in (True, False)]
    ws = forms[0].w(FIRST_SEED)[None]
    times: list[list[float]] = [[], []]
    for index in range(2 * (rounds + 1)):
        which = (index + index // 2) % 2  # each form is first in every other round
        began = time.process_time()
        forms[which].engine.synthesize(ws)
        times[which].append(1e3 * (time.process_time() - began))
    before, after = (each[1:] for each in times)
    share = statistics.median(a / b for a, b in zip(after, before, strict=True)) - 1
    print(
        f"processor time of a face, {forms[1].engine.precision}: {min(before):.1f} ms as shipped, "
        f"{min(after):.1f} mended (best of {rounds}); {share:+.1%} (median of pairs)"
    )


def side_by_side(before: Sequence[Pixels], after: Sequence[Pixels]) -> Image.Image:
    """Lay out the same places of three faces, twice as large: as shipped, mended, and the difference."""
    rows = []
    for (left, top), was, is_now in zip(CUTS, before, after, strict=False):
        parts = [each[top : top + _CUT_PX, left : left + _CUT_PX].astype(int) for each in (was, is_now)]
        parts.append(np.clip(128 + 8 * (parts[0] - parts[1]), 0, 255))
        rows.append(np.concatenate(parts, axis=1))
    sheet = Image.fromarray(np.concatenate(rows).astype(np.uint8))
    return sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST)


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=24)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--precision", choices=get_args(Precision), default="auto")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    settings = EngineSettings(precision=arguments.precision)
    before, after = (
        list(pictures(as_shipped=kind, count=arguments.faces, settings=settings)) for kind in (True, False)
    )
    print_comparison(before, after)
    print_cost(settings, arguments.rounds)
    if arguments.picture:
        side_by_side(before, after).save(arguments.picture, quality=95)


if __name__ == "__main__":
    main()
