"""Faces in motion: from one to the next, round in a loop, or along an edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from nobodies import latents
from nobodies.errors import SettingError
from nobodies.generator import Generator
from nobodies.latents import paths
from nobodies.latents.edits import Change, changes_from
from nobodies.latents.paths import Pace
from nobodies.settings import FaceSettings

Array = NDArray[np.float32]

Through = Literal["w", "z", "curve"]
MOST_FRAMES: Final = 36_000
MOST_FACES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Motion:
    """How to go from face to face."""

    frames_per_step: int
    """Pictures from one face to the next."""
    through: Through = "w"
    """Straight lines in w, arcs in z, or a closed curve in w without corners."""
    pace: Pace = "eased"
    loop: bool = False


def morph(generator: Generator, seeds: Sequence[int], motion: Motion, settings: FaceSettings) -> Iterator[Array]:
    """Give the style codes of the pictures on the way through faces.

    Args:
        generator: whose faces they are.
        seeds: 2 faces or more, in order.
        motion: how to go.
        settings: how the faces are drawn.

    Yields:
        Truncated style codes, [L, W], one a picture. At each face they are exactly its own.

    Raises:
        SettingError: too few faces or too many pictures.
    """
    if not 2 <= len(seeds) <= MOST_FACES:
        raise SettingError(f"the way leads through {len(seeds)} faces: give 2 to {MOST_FACES}")
    loop = motion.loop or motion.through == "curve"
    times = paths.frame_times(len(seeds), motion.frames_per_step, loop=loop, pace=motion.pace)
    if len(times) > MOST_FRAMES:
        raise SettingError(f"that is a film of {len(times)} pictures: make it {MOST_FRAMES} or less")
    z = latents.z_from_seeds(seeds, generator.engine.z_dim)
    if motion.through == "z":
        return (generator.styles(paths.along_arcs(z, times[[index]]), settings)[0] for index in range(len(times)))
    w = generator.engine.map(z)
    along = paths.along_curve if motion.through == "curve" else paths.along_lines
    return (_truncated(generator, along(w, times[[index]]), settings) for index in range(len(times)))


def slide(generator: Generator, ws: Array, name: str, values: Sequence[float], *, steps: bool) -> Iterator[Array]:
    """Give the style codes of one face as an attribute is moved.

    Args:
        generator: whose face it is.
        ws: its style codes, [L, W].
        name: of the attribute.
        values: what to move it to, one a picture.
        steps: whether `values` are steps from where the face is.

    Yields:
        Style codes, [L, W].

    Raises:
        SettingError: an attribute that there is not, or values that no face has.
    """
    changes = [changes_from({name: Change(value, relative=steps)}) for value in values]
    return (
        generator.edit(ws, change).ws if any(each.amount or not each.relative for each in change.values()) else ws
        for change in changes
    )


def swing(low: float, high: float, num_frames: int, *, loop: bool, pace: Pace = "eased") -> list[float]:
    """Give values from `low` to `high`, and back if it is a loop."""
    if num_frames < 2:
        raise SettingError("a slider needs 2 pictures or more")
    share = np.linspace(0, 1, num_frames) if not loop else 1 - np.abs(2 * np.arange(num_frames) / num_frames - 1)
    return [float(value) for value in low + (high - low) * _eased(share, pace)]


def _eased(share: NDArray[np.float64], pace: Pace) -> NDArray[np.float64]:
    return share * share * (3 - 2 * share) if pace == "eased" else share


def _truncated(generator: Generator, w: Array, settings: FaceSettings) -> Array:
    ws = latents.broadcast(w, generator.engine.num_ws)
    truncated: Array = latents.truncate(ws, generator.w_avg, psi=settings.psi, cutoff=settings.cutoff)[0]
    return truncated
