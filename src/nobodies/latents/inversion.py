"""From what a face looks like back to its style code.

The most probable code of a look has a closed form where looks are linear in w (`nobodies.latents.looks`). Where the
line bends, measuring the face that came out and solving again corrects it, and every measurement mends the slopes.

Source: the Gauss-Newton method with the damping of Levenberg and Marquardt and the update of Broyden, "A class of
methods for solving nonlinear simultaneous equations", 1965.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.latents.looks import LookModel, most_probable_step

Float = NDArray[np.float64]

_PRIOR_FALL: Final = 0.7
_LEAST_PRIOR: Final = 0.03
_DAMPING_RANGE: Final = (1e-3, 1e4)


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """A code that was tried."""

    w: Float
    """[W]."""
    look: Float
    """What its face looks like, [D]."""
    loss: float
    """Squared distance of its look from the one wanted, in deviations."""
    number: int
    """How many looks had been measured then, this one included."""


def refine(
    model: LookModel,
    wanted: Float,
    measure: Callable[[Float], Float | None],
    *,
    most_looks: int,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Iterator[Guess]:
    """Look for the code whose face looks as wanted, by measuring faces and correcting.

    Args:
        model: how looks depend on codes.
        wanted: the look, [D].
        measure: draws the face of a code [W] and gives its look [D]; None if it shows no face.
        most_looks: how often it may be asked.
        may_go_on: asked before each correction; False ends the search.

    Yields:
        Every code that is better than all before; the first is the most probable one.
    """
    slopes = model.slopes / model.noise[:, None]
    target = wanted / model.noise
    here = model.coordinates(model.most_probable(wanted))
    there = _measured(model, measure, here)
    if there is None:
        return
    prior, damping, best = 1.0, 1.0, float(np.square(target - there).sum())
    yield Guess(model.code(here), there * model.noise, best, 1)
    for number in range(2, most_looks + 1):
        if not may_go_on():
            return
        tried = here + most_probable_step(slopes, target - there, here, prior=prior, damping=damping)
        found = _measured(model, measure, tried)
        if found is None:
            damping = min(4 * damping, _DAMPING_RANGE[1])
            continue
        _mend(slopes, tried - here, found - there)
        loss = float(np.square(target - found).sum())
        if loss < best:
            here, there, best = tried, found, loss
            prior, damping = max(prior * _PRIOR_FALL, _LEAST_PRIOR), max(damping / 3, _DAMPING_RANGE[0])
            yield Guess(model.code(here), there * model.noise, best, number)
        else:
            damping = min(2 * damping, _DAMPING_RANGE[1])


def _measured(model: LookModel, measure: Callable[[Float], Float | None], coordinates: Float) -> Float | None:
    look = measure(model.code(coordinates))
    return None if look is None else look / model.noise


def _mend(slopes: Float, step: Float, change: Float) -> None:
    """Correct the slopes in place so that they agree with what a step really changed."""
    length = float(step @ step)
    if length > 0:
        slopes += np.outer(change - slopes @ step, step) / length
