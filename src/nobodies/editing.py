"""Changing a face and making sure: the changed face is drawn, measured and corrected.

What attributes are read as from style codes is off by some years or degrees from face to face. Looking at the face
before and after an edit tells how far it really went, and whether it still shows the same person; what is missing is
added to the next step.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from nobodies.errors import InputError, ModelError
from nobodies.latents.attributes import logit
from nobodies.latents.edits import Change, Edited, changes_from, edit
from nobodies.latents.identity import holding_step
from nobodies.latents.looks import LookModel
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.vision.identity import threshold

if TYPE_CHECKING:
    from nobodies.generator import Array, Generator
    from nobodies.survey import Look

_log = logging.getLogger(__name__)

Values = Mapping[str, float]

CORRECTIONS: Final = 3
"""Times that a face is corrected, at most; each takes a drawing and a look."""
_CLOSE_ENOUGH: Final = 0.2
"""Share of an attribute's tolerance within which nothing is corrected; of one logit for a chance."""
_SURELY: Final = 0.8
"""The chance from which on a property counts as there, or as absent on the other side."""
_SAME: Final = 0.001
_SURELY_SAME: Final = 0.0001
"""False match rates of the bounds below which a face counts as the same person, and below which nothing is done."""
_STRANGER: Final = 15.0
"""Tolerances of an attribute that count as much as a face twice as far off as the same person may be."""
_LONGEST_HELD: Final = 2.0
"""Mahalanobis length of the step that keeps the person, at most."""


def edit_checked(generator: "Generator", ws: "Array", wanted: Mapping[str, Change | float | str]) -> Edited:
    """Change a face, draw it, look how far it went and whether it is the same person, and correct that.

    Args:
        generator: whose face it is.
        ws: its style codes, [L, W].
        wanted: as for `Generator.edit`.

    Returns:
        The best of what was tried; `before` and `after` are what was measured, not what the codes predict.

    Raises:
        InputError: no face is seen in the picture that is to be changed.
        SettingError: an attribute that there is not, or a value that no face has.
    """
    changes = changes_from(wanted)
    before = _seen(generator, ws)
    if before is None:
        raise InputError("no face is seen in the picture: leave out the check, or choose another face")
    values = before.values
    targets = {name: _target(name, change, values[name]) for name, change in changes.items() if name in values}
    return min(_tries(generator, ws, changes, before, targets), key=lambda each: each.cost).edited


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    edited: Edited
    cost: float


def _tries(
    generator: "Generator", ws: "Array", changes: Mapping[str, Change], before: "Look", targets: Values
) -> Iterator[_Try]:
    looks, further = _looks_of(generator), dict.fromkeys(targets, 0.0)
    held = np.zeros(len(looks.components)) if looks else np.zeros(0)
    for number in range(1 + CORRECTIONS):
        edited = edit(generator.attributes, ws, changes, further=further)
        codes = edited.ws + (held @ looks.components).astype(np.float32) if looks else edited.ws
        after = _seen(generator, codes)
        if after is None:
            _log.info("no face is seen after step %d", number)
            if number == 0:
                yield _Try(edited, math.inf)
            return
        drift = after.embedding - before.embedding
        length = math.hypot(edited.length, float(np.linalg.norm(held)))
        shown = Edited(codes, before.values, after.values, length, edited.clamped)
        yield _Try(shown, _off(targets, after.values) + _STRANGER * _strangeness(drift))
        missing = _missing(targets, after.values)
        close = all(abs(left) <= _CLOSE_ENOUGH * _unit(name) for name, left in missing.items())
        if edited.clamped or len(missing) < len(targets) or (close and not _strangeness(drift)):
            return
        further = {name: further[name] + left for name, left in missing.items()}
        if looks and np.linalg.norm(drift) > threshold(_SURELY_SAME):
            held = held + holding_step(looks, generator.attributes, drift)
            held *= min(1.0, _LONGEST_HELD / float(np.linalg.norm(held)))


def _looks_of(generator: "Generator") -> LookModel | None:
    """Give what tells who a face is from its codes, if it is known for a generator."""
    try:
        return LookModel.load(generator.model.name, generator.model.origin)
    except ModelError:
        return None


def _strangeness(drift: "Array") -> float:
    """Give how far beyond the bound for the same person a face is, as a share of it."""
    return max(0.0, float(np.linalg.norm(drift)) / threshold(_SAME) - 1.0)


def _seen(generator: "Generator", ws: "Array") -> "Look | None":
    """Draw a face and look at it, leaving out values that cannot be told; None if there is none."""
    from nobodies import survey

    found = survey.look(generator.engine.synthesize(ws[None])[0], features=False)
    if found is None:
        return None
    return replace(found, values={name: value for name, value in found.values.items() if math.isfinite(value)})


def _target(name: str, change: Change, before: float) -> float:
    target = before + change.amount if change.relative else change.amount
    return min(max(target, ATTRIBUTES[name].minimum), ATTRIBUTES[name].maximum)


def _off(targets: Values, after: Values) -> float:
    """Give how many tolerances a face is from its targets in all; infinite where that cannot be told."""
    missing = _missing(targets, after)
    told = len(missing) == len(targets)
    return sum(abs(left) / _unit(name) for name, left in missing.items()) if told else math.inf


def _missing(targets: Values, after: Values) -> dict[str, float]:
    """Give how far each score that was measured still is from its target."""
    return {name: _left(name, target, after[name]) for name, target in targets.items() if name in after}


def _left(name: str, target: float, reached: float) -> float:
    if ATTRIBUTES[name].kind == "number":
        return target - reached
    if (target >= _SURELY and reached >= _SURELY) or (target <= 1 - _SURELY and reached <= 1 - _SURELY):
        return 0.0
    return logit(target) - logit(reached)


def _unit(name: str) -> float:
    return ATTRIBUTES[name].tolerance or 1.0
