"""Print how far pictures ring beside their edges: generated faces, and photographs at the same sharpness.

    python -m benchmarks.ringing --photos FOLDER --photographs faces-gray-128.zip --state FOLDER [--picture FILE]

Lone edges of each picture are cut across, brought to go from 0 to 1, and averaged with those as wide: texture and
noise average out, and what a network or a camera adds beside every edge stays. `--photos` is a folder of photographs
of any size, scikit-image's for example, `--state` the one in which tools/fit_generated.py left faces brought to the
size of the photographs in the ZIP file. FILE gets parts of three faces, as drawn and drawn through half and a quarter
of the size.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from tools.fit_generated import photographs

from benchmarks.grid import grey, pictures
from nobodies.imaging.decode import read_pixels

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

WIDTHS_PX: Final = ((1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 6.0))
"""Edges are compared with those as wide."""
STEPS: Final = ((24, 40), (40, 60), (60, 90), (90, 255))
LEAST_EDGES: Final = 50
LEAST_PX: Final = 300
REACH_PX: Final = 8
SMALL: Final = 400
SMALL_REACH_PX: Final = 6
_STEP: Final = 24.0  # grey levels that an edge must have
_UNEVEN: Final = 0.2  # of the step: how much what lies beside it may vary, seen coarsely
_CELL_PX: Final = 16  # the strongest edge of each cell
_ALONG: Final = np.arange(-2, 3)
_CUT_PX: Final = 96
_SQUARE_PX: Final = 128


@dataclass(frozen=True, slots=True)
class Halo:
    """What the mean of some profiles does beside the edge, as shares of the step."""

    bright: float
    """How far it goes beyond the bright level."""
    dark: float
    """How far it goes below the dark one."""
    swing: float
    """How far it goes to the other side after that, at either end: what ringing does, and a line does not."""
    error: float
    """Twice the largest standard error."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """Edges cut across, dark to bright, from 0 to 1."""

    places_px: Array
    values: Array
    """[N, T]"""
    steps: Array
    """Grey levels from dark to bright, [N]."""

    @property
    def widths_px(self) -> Array:
        """How wide each is: the way from 0 to 1 at its steepest."""
        return np.asarray(1 / np.gradient(self.values, self.places_px, axis=1).max(axis=1, initial=1e-3))

    def where(self, chosen: NDArray[np.bool_]) -> "Profiles":
        """Give some of them."""
        return Profiles(self.places_px, self.values[chosen], self.steps[chosen])

    def halo(self) -> Halo:
        """Look at the mean."""
        near = (self.places_px >= 1) & (self.places_px <= self.places_px[-1] / 2)
        mean, error = self.values.mean(axis=0), self.values.std(axis=0) / np.sqrt(len(self.values))
        beyond = [mean[near] - 1, -mean[::-1][near]]
        swings = [-side[side.argmax() :].min() for side in beyond if side.max() > 0]
        bright, dark = (float(side.max()) for side in beyond)
        return Halo(bright, dark, float(max([0.0, *swings])), 2 * float(error[near].max()))


def slopes(plane: Array) -> Array:
    """Give derivatives down and across of a plane blurred by a Gaussian of 1 px, [2, H, W]."""
    steps = np.arange(-4.0, 5.0)
    bell = np.exp(-(steps**2) / 2)
    bell /= bell.sum()

    def along(values: Array, kernel: Array, axis: int) -> Array:
        wide = np.pad(values, [(4, 4) if each == axis else (0, 0) for each in (0, 1)], "edge")
        return np.asarray(sliding_window_view(wide, 9, axis) @ kernel)

    return np.stack([along(along(plane, steps * bell, axis), bell, 1 - axis) for axis in (0, 1)])


def sampled(plane: Array, rows: Array, columns: Array) -> Array:
    """Read a plane between its pixels, linearly."""
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, across = rows - top, columns - left
    upper = (1 - across) * plane[top, left] + across * plane[top, left + 1]
    lower = (1 - across) * plane[top + 1, left] + across * plane[top + 1, left + 1]
    return np.asarray((1 - down) * upper + down * lower)


def edges(plane: Array, margin: int) -> tuple[Array, Array]:
    """Give places [N, 2] and directions [N, 2] of edges, dark to bright: the strongest of each cell."""
    derived = slopes(plane)
    heights = np.hypot(*derived)
    places = np.argwhere(heights[margin:-margin, margin:-margin] > _STEP / 4) + margin
    normals = derived[:, places[:, 0], places[:, 1]].T / heights[tuple(places.T)][:, None]
    beside = [sampled(heights, *(places + side * normals).T) for side in (-1, 1)]
    highest = heights[tuple(places.T)] >= np.maximum(*beside)
    places, normals = places[highest], normals[highest]
    order = np.argsort(-heights[tuple(places.T)], kind="stable")
    _, first = np.unique(places[order] // _CELL_PX, axis=0, return_index=True)
    return places[order[first]].astype(float), normals[order[first]]


def cut_across(plane: Array, places_px: Array) -> tuple[Array, Array]:
    """Cut across the lone edges of a picture: those with much of a step, and little beside it.

    Args:
        plane: grey levels.
        places_px: where to cut, either side alike; the outer halves are taken for the dark and the bright level.

    Returns:
        Values from 0 to 1, [N, T], and the steps in grey levels, [N].
    """
    reach = places_px[-1]
    places, normals = edges(plane, int(reach) + 4)
    tangents = np.stack([-normals[:, 1], normals[:, 0]], axis=1)
    across = places[:, None, None] + places_px[:, None, None] * normals[:, None, None]
    points = across + _ALONG[:, None] * tangents[:, None, None]  # [N, T, 5, 2]
    values = sampled(plane, points[..., 0], points[..., 1]).mean(axis=2)
    sides = [values[:, places_px <= -reach / 2], values[:, places_px >= reach / 2]]
    low, high = (side.mean(axis=1) for side in sides)
    spread = [np.ptp(sliding_window_view(side, 5, axis=1).mean(axis=2), axis=1) for side in sides]
    lone = (high - low > _STEP) & (np.maximum(*spread) < _UNEVEN * (high - low))
    step = (high - low)[lone]
    return (values[lone] - low[lone, None]) / step[:, None], step


def profiles(planes: Iterable[Array], reach_px: int) -> Profiles:
    """Cut across the lone edges of pictures."""
    places = np.arange(-reach_px, reach_px + 0.1, 0.5)
    values, steps = zip(*(cut_across(plane, places) for plane in planes), strict=True)
    return Profiles(places, np.concatenate(values), np.concatenate(steps))


def print_halos(name: str, found: Profiles) -> None:
    """Print a line for each width, and for the narrowest edges for each step, of which there are enough."""
    widths = found.widths_px
    print(f"{name}: {len(found.values)} edges, median width {np.median(widths):.2f} px")
    for low, high in WIDTHS_PX:
        part = found.where((widths >= low) & (widths < high))
        if len(part.values) >= LEAST_EDGES:
            print(f"  {low:g} to {high:g} px wide: {described(part)}")
    narrow = found.where((widths >= WIDTHS_PX[0][0]) & (widths < WIDTHS_PX[0][1]))
    for low, high in STEPS:
        part = narrow.where((narrow.steps >= low) & (narrow.steps < high))
        if len(part.values) >= LEAST_EDGES:
            levels = part.halo().dark * part.steps.mean()
            print(f"  of these, step {low} to {high}: {described(part)}; dark {levels:.1f} grey levels")


def described(part: Profiles) -> str:
    """Say what halo some edges have."""
    halo = part.halo()
    return (
        f"{len(part.values)} edges, bright {halo.bright:+.1%}, dark {halo.dark:+.1%}, then to the other side "
        f"{halo.swing:.1%}; ± {halo.error:.1%}"
    )


def reduced(plane: Array, factor: int) -> Array:
    """Take means of squares: a reduction that cannot ring."""
    height, width = (side // factor * factor for side in plane.shape)
    parts = plane[:height, :width].reshape(height // factor, factor, -1, factor)
    return np.asarray(parts.mean(axis=(1, 3)))


def shoulder(planes: Iterable[Array]) -> float:
    """Give how far the spectrum at periods about 3.2 px stands above the line between 4.5 and 2.5 px, in decades.

    It is that of the eighth of all squares with the most contrast, hair above all, between the lines of the grid.
    """
    squares = np.concatenate([squared(plane) for plane in planes])
    busy = np.argsort(np.abs(np.diff(squares)).mean(axis=(1, 2)))[-max(1, len(squares) // 8) :]
    hann = np.hanning(_SQUARE_PX)
    centred = squares[busy] - squares[busy].mean(axis=(1, 2), keepdims=True)
    power = np.square(np.abs(np.fft.fft2(centred * np.outer(hann, hann)))).mean(axis=0)
    cycles = np.fft.fftfreq(_SQUARE_PX)
    radius = np.hypot(cycles[:, None], cycles)
    off = np.abs((cycles * 32 + 0.5) % 1 - 0.5)
    between = np.hypot(off[:, None], off) > 0.4
    low, middle, high = (
        np.log10(power[between & (np.abs(radius - place) < 0.015)].mean()) for place in (0.22, 0.31, 0.40)
    )
    return float(middle - (low + high) / 2)


def squared(plane: Array) -> Array:
    """Cut a picture into squares, [N, 128, 128]."""
    height, width = (side // _SQUARE_PX for side in plane.shape)
    whole = plane[: height * _SQUARE_PX, : width * _SQUARE_PX].reshape(height, _SQUARE_PX, width, _SQUARE_PX)
    return np.asarray(whole.swapaxes(1, 2).reshape(-1, _SQUARE_PX, _SQUARE_PX))


def busiest(plane: Array) -> tuple[int, int]:
    """Give row and column of the cut with the most strong edges."""
    places = edges(plane, _CUT_PX)[0].astype(int) // (_CUT_PX // 2)
    found, counts = np.unique(places, axis=0, return_counts=True)
    row, column = found[counts.argmax()] * (_CUT_PX // 2)
    return int(row), int(column)


def side_by_side(faces: Iterable[Pixels]) -> Image.Image:
    """Lay out a part of each face, three times as large: as drawn, and through half and a quarter of the size."""
    rows = []
    for pixels in faces:
        row, column = busiest(grey(pixels))
        sizes = [pixels.shape[0] // factor for factor in (1, 2, 4)]
        views = [Image.fromarray(pixels).reduce(len(pixels) // size).resize(pixels.shape[:2]) for size in sizes]
        rows.append(
            np.concatenate([np.asarray(view)[row : row + _CUT_PX, column : column + _CUT_PX] for view in views], 1)
        )
    sheet = Image.fromarray(np.concatenate(rows))
    return sheet.resize((3 * sheet.width, 3 * sheet.height), Image.Resampling.NEAREST)


def coloured(folder: Path) -> list[Array]:
    """Read the photographs of a folder that are large enough, as grey levels."""
    read = (read_pixels(path) for path in sorted(folder.iterdir()) if path.suffix in (".png", ".jpg"))
    return [grey(pixels) for pixels in read if min(pixels.shape[:2]) >= LEAST_PX]


def main() -> None:
    """Draw, read, cut across, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=24)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    faces = list(pictures(as_shipped=False, count=arguments.faces))
    ours, real = [grey(each) for each in faces], coloured(arguments.photos)
    shipped = [grey(each) for each in pictures(as_shipped=True, count=arguments.faces)]
    print_halos("generated, as shipped", profiles(shipped, REACH_PX))
    print_halos("generated, mended", profiles(ours, REACH_PX))
    print_halos("the same at half the size", profiles([reduced(each, 2) for each in ours], REACH_PX))
    print_halos(f"{len(real)} photographs", profiles(real, REACH_PX))
    print(f"shoulder: as shipped {shoulder(shipped):+.2f}, mended {shoulder(ours):+.2f}, photographs", end=" ")
    print(*(f"{shoulder([each]):+.2f}" for each in real))
    small = [read_pixels(path) for path in sorted((arguments.state / "faces").glob("*.jpg"))[:SMALL]]
    archive = (read_pixels(content) for _, content in islice(photographs(arguments.photographs), 0, None, 16))
    print_halos(f"{len(small)} generated, brought to 128 px", profiles(map(grey, small), SMALL_REACH_PX))
    print_halos("photographs of 128 px", profiles(map(grey, archive), SMALL_REACH_PX))
    if arguments.picture:
        side_by_side(faces[:3]).save(arguments.picture, quality=92)


if __name__ == "__main__":
    main()
