"""Changing a face and making sure: the changed face is drawn, measured and corrected.

What attributes are read as from style codes is off by some years or degrees from face to face. Looking at the face
before and after an edit tells how far it really went; what is missing is added to the next step.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from nobodies.errors import InputError
from nobodies.latents.attributes import logit
from nobodies.latents.edits import Change, Edited, changes_from, edit
from nobodies.latents.vocabulary import ATTRIBUTES

if TYPE_CHECKING:
    from nobodies.generator import Array, Generator

_log = logging.getLogger(__name__)

Values = Mapping[str, float]

CORRECTIONS: Final = 2
"""Times that a face is corrected, at most; each takes a drawing and a look."""
_CLOSE_ENOUGH: Final = 0.2
"""Share of an attribute's tolerance within which nothing is corrected; of one logit for a chance."""
_SURELY: Final = 0.8
"""The chance from which on a property counts as there, or as absent on the other side."""


def edit_checked(generator: "Generator", ws: "Array", wanted: Mapping[str, Change | float | str]) -> Edited:
    """Change a face, draw it, measure how far it went, and correct that.

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
    before = _measured(generator, ws)
    if before is None:
        raise InputError("no face is seen in the picture: leave out the check, or choose another face")
    targets = {name: _target(name, change, before[name]) for name, change in changes.items() if name in before}
    tried = list(_tries(generator, ws, changes, before, targets))
    return min(tried, key=lambda each: sum(abs(left) for left in _missing(targets, each.after, unit=True).values()))


def _tries(
    generator: "Generator", ws: "Array", changes: Mapping[str, Change], before: Values, targets: Values
) -> Iterator[Edited]:
    further = dict.fromkeys(targets, 0.0)
    for number in range(1 + CORRECTIONS):
        edited = edit(generator.attributes, ws, changes, further=further)
        after = _measured(generator, edited.ws)
        if after is None:
            _log.info("no face is seen after step %d", number)
            if number == 0:
                yield edited
            return
        yield Edited(edited.ws, before, after, edited.length, edited.clamped)
        missing = _missing(targets, after)
        if edited.clamped or all(abs(left) <= _CLOSE_ENOUGH * _unit(name) for name, left in missing.items()):
            return
        further = {name: further[name] + left for name, left in missing.items()}


def _measured(generator: "Generator", ws: "Array") -> dict[str, float] | None:
    from nobodies.survey import measure

    return measure(generator.engine.synthesize(ws[None])[0])


def _target(name: str, change: Change, before: float) -> float:
    target = before + change.amount if change.relative else change.amount
    return min(max(target, ATTRIBUTES[name].minimum), ATTRIBUTES[name].maximum)


def _missing(targets: Values, after: Values, *, unit: bool = False) -> dict[str, float]:
    """Give how far each score still is from its target, in tolerances if `unit`."""
    return {
        name: _left(name, target, after[name]) / (_unit(name) if unit else 1.0) for name, target in targets.items()
    }


def _left(name: str, target: float, reached: float) -> float:
    if ATTRIBUTES[name].kind == "number":
        return target - reached
    if (target >= _SURELY and reached >= _SURELY) or (target <= 1 - _SURELY and reached <= 1 - _SURELY):
        return 0.0
    return logit(target) - logit(reached)


def _unit(name: str) -> float:
    return ATTRIBUTES[name].tolerance or 1.0
