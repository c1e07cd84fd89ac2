"""Finding the mark in a picture that may have been scaled, cropped, turned, mirrored and compressed since."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from nobodies.provenance.watermark.code import recover
from nobodies.provenance.watermark.embed import activity, strength_of
from nobodies.provenance.watermark.lattice import Lattice, Turn
from nobodies.provenance.watermark.message import Message
from nobodies.provenance.watermark.pattern import CODED_BITS, TILE, TILES_PER_SIDE, carriers, frequencies

Float = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

_WORKING_PX: Final = 512
_STEP: Final = 1.006
_SMALLEST_SHARE: Final = 1 / 8
_LARGEST_SHARE: Final = 0.7
"""The tile is looked for from an eighth of the picture's shorter side, as where the marked picture takes up half of a
larger one, to seven tenths of it, as where nearly two thirds of its side were
cut away."""
_FINE_STEPS: Final = (-0.004, -0.003, -0.002, -0.001, 0.0, 0.001, 0.002, 0.003, 0.004)
_FINE_DEGREES: Final = (-0.1, 0.0, 0.1)
_NUM_SCANNED: Final = 64
_NUM_TRIED: Final = 4
_FINER: Final = 4
"""How much finer than a sample the position is found."""
_NOISE_FLOOR: Final = 1.5
_HIGHPASS_PX: Final = 5
_SMALLEST_PX: Final = 48
_LONGEST: Final = 4


@dataclass(frozen=True, slots=True)
class Detection:
    """A mark that was read."""

    message: Message
    period_px: float
    """Side of the tile in the picture."""
    mirrored: bool
    score: float
    """Height of the template's correlation peak, in standard deviations of the correlation elsewhere."""
    degrees: float = 0.0
    """How far the picture was turned counter-clockwise since it was marked, -180 to 180."""


@dataclass(frozen=True, slots=True, order=True)
class _Peak:
    score: float
    period: tuple[float, float]
    mirrored: bool
    degrees: float = 0.0


def detect(image: Image.Image) -> Detection | None:
    """Look for a mark.

    Args:
        image: any picture, of any mode. Of one that is longer than four times its shorter side, the middle is looked
            at.

    Returns:
        What was read, or None. The whole picture is tried first; then every scale at which a crop of it, or the
        picture within a larger one, could stand; then pictures that were turned.
    """
    if min(image.size) < _SMALLEST_PX:
        return None
    working = _working(_middle(image))
    shrink = min(image.size) / min(working.size)
    found = _first(working, _whole(working.size))
    if found is None:
        lattice = Lattice(working)
        found = _first(working, _scan(working, lattice)) or _turned(working, lattice)
    if found is None:
        return None
    message, peak = found
    return Detection(message, peak.period[0] * shrink, peak.mirrored, peak.score, peak.degrees)


def _middle(image: Image.Image) -> Image.Image:
    """Cut a very long picture, to bound what a reader spends on it."""
    width, height = (min(side, _LONGEST * min(image.size)) for side in image.size)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _working(image: Image.Image) -> Image.Image:
    """Scale the grey picture down to what the mark needs, and divide out what is known of the noise."""
    luma = image.convert("L")
    factor = _WORKING_PX / min(luma.size)
    if factor < 1:
        size = (round(luma.width * factor), round(luma.height * factor))
        luma = luma.resize(size, Image.Resampling.BOX if factor < 0.5 else Image.Resampling.LANCZOS)
    detail = np.asarray(luma, np.float32) - np.asarray(luma.filter(ImageFilter.BoxBlur(_HIGHPASS_PX)), np.float32)
    active = activity(luma)
    noise = active + np.float32(_NOISE_FLOOR)
    # The best weight of a sample is signal over variance of the noise.
    return Image.fromarray(np.clip(detail, -3 * noise, 3 * noise) * strength_of(active) / (noise * noise))


def _whole(size: tuple[int, int]) -> Iterator[tuple[float, float]]:
    """Periods, across and down, if the picture is as it was marked, or was scaled since."""
    across, down = size[0] / TILES_PER_SIDE, size[1] / TILES_PER_SIDE
    yield (min(across, down),) * 2
    if across != down:
        yield across, down
    if min(across, down) < TILE:
        yield float(TILE), float(TILE)


def _scan(working: Image.Image, lattice: Lattice) -> Iterator[tuple[float, float]]:
    """The likeliest of all periods that may stand in a picture, if it was not turned."""
    smallest, largest = _bounds(working.size)
    periods = smallest * np.power(_STEP, np.arange(int(np.log(largest / smallest) / np.log(_STEP))))
    order = np.argsort(lattice.strength(periods, np.zeros_like(periods)))
    yield from ((period, period) for period in periods[order[-_NUM_SCANNED:]].tolist())


def _bounds(size: tuple[int, int]) -> tuple[float, float]:
    return min(size) * _SMALLEST_SHARE, min(size) * _LARGEST_SHARE


def _first(working: Image.Image, periods: Iterable[tuple[float, float]]) -> tuple[Message, _Peak] | None:
    """Try to read at the most promising periods."""
    peaks = (peak for period in periods for peak in _peaks(working, period))
    for peak in heapq.nlargest(_NUM_TRIED, peaks):
        best = max(_refined(working, peak))
        message = _read(working, best)
        if message is not None:
            return message, best
    return None


def _refined(working: Image.Image, peak: _Peak) -> Iterator[_Peak]:
    for fine in _FINE_STEPS:
        period = (peak.period[0] * (1 + fine), peak.period[1] * (1 + fine))
        yield from (each for each in _peaks(working, period) if each.mirrored == peak.mirrored)


def _turned(working: Image.Image, lattice: Lattice) -> tuple[Message, _Peak] | None:
    """Try to read the picture turned back as its spectrum suggests."""
    for turn in lattice.turns(*_bounds(working.size)):
        best, upright = max(_unturned(working, turn), key=lambda each: each[0])
        message = _read(upright, best)
        if message is not None:
            return message, best
    return None


def _unturned(working: Image.Image, turn: Turn) -> Iterator[tuple[_Peak, Image.Image]]:
    """Turn the picture back, by the quarter turn that fits best; then a little more and less."""
    period = (turn.period_px, turn.period_px)
    back = _turned_back(working, turn.degrees)
    quarters = {turn.degrees + 90 * number: quarter for number, quarter in enumerate(_quarters(back))}
    rough = max(
        replace(peak, degrees=degrees) for degrees, quarter in quarters.items() for peak in _peaks(quarter, period)
    )
    for fine in _FINE_DEGREES:
        degrees = rough.degrees + fine
        upright = _turned_back(working, degrees) if fine else quarters[degrees]
        for peak in _refined(upright, rough):
            yield replace(peak, degrees=(degrees + 180) % 360 - 180), upright


def _turned_back(working: Image.Image, degrees: float) -> Image.Image:
    return working.rotate(-degrees, Image.Resampling.BILINEAR, expand=True)


def _quarters(image: Image.Image) -> Iterator[Image.Image]:
    """Give the picture as it is, and turned clockwise by one, two and three quarters."""
    yield image
    for turn in (Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90):
        yield image.transpose(turn)


def _peaks(working: Image.Image, period: tuple[float, float]) -> Iterator[_Peak]:
    """How well the template fits at one period, as it is and mirrored."""
    folded = _fold(working, period)
    for mirrored in (False, True):
        surface = _correlation(_spectrum(folded, mirrored), finer=1)
        spread = float(surface.std())
        yield _Peak(float(surface.max()) / spread if spread else 0.0, period, mirrored)


def _read(working: Image.Image, peak: _Peak) -> Message | None:
    spectrum = _spectrum(_fold(working, peak.period), peak.mirrored)
    surface = _correlation(spectrum, finer=_FINER)
    down, across = np.unravel_index(surface.argmax(), surface.shape)
    layout = carriers()
    row, column = _cycles(layout.data)
    angle = 2 * np.pi * (row * int(down) + column * int(across)) / (TILE * _FINER)
    aligned = spectrum[layout.data] * np.exp(1j * angle)
    halves = np.concatenate([aligned.real, aligned.imag]) * layout.signs
    soft = np.bincount(layout.bits, halves, CODED_BITS).astype(np.float32)
    bits = recover(soft)
    return Message.from_bits(bits) if bits is not None else None


def _fold(working: Image.Image, period: tuple[float, float]) -> Float:
    """Add up all tiles of the picture, [64, 64]."""
    size = int(working.width * TILE / period[0]), int(working.height * TILE / period[1])
    # The box makes the scale exact although the size is a whole number.
    box = (0.0, 0.0, size[0] * period[0] / TILE, size[1] * period[1] / TILE)
    samples = np.asarray(working.resize(size, Image.Resampling.BILINEAR, box=box))
    tiles = np.zeros((-(-size[1] // TILE) * TILE, -(-size[0] // TILE) * TILE), np.float32)
    tiles[: size[1], : size[0]] = samples
    folded: Float = tiles.reshape(tiles.shape[0] // TILE, TILE, -1, TILE).sum(axis=(0, 2))
    return folded


def _spectrum(folded: Float, mirrored: bool) -> Spectrum:
    """Half spectrum of the folded picture, flattened, evened out: pictures have less detail the finer it is."""
    spectrum = np.fft.rfft2(folded[:, ::-1] if mirrored else folded).reshape(-1)
    return (spectrum * _evening()).astype(np.complex64)


@cache
def _evening() -> Float:
    weights: Float = frequencies() ** np.float32(1.5)
    return weights


def _correlation(spectrum: Spectrum, *, finer: int) -> Float:
    """Correlate with the template at every position, [64 finer, 64 finer]."""
    layout = carriers()
    side = TILE * finer
    product = np.zeros((side, side // 2 + 1), np.complex64)
    row, column = _cycles(layout.sync)
    product[row, column] = spectrum[layout.sync] * layout.sync_phases.conj()
    return np.fft.irfft2(product, s=(side, side)).astype(np.float32)


def _cycles(places: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cycles a tile of flattened places, down (negative in the lower half) and across."""
    row, column = np.divmod(places, TILE // 2 + 1)
    return np.where(row > TILE // 2, row - TILE, row), column
