"""Changing a face: the smallest step in w that moves what was asked and holds the rest.

Attributes are read from w by a matrix B, [K, W]; S is the covariance of w. Among all steps d with B d = t, the one of
least Mahalanobis length, which is the one that leaves the face most plausible, is d = S Bᵀ (B S Bᵀ)⁻¹ t. Attributes
that shall not move have a 0 in t. Each attribute is moved in its own layers only: an age leaves those alone that make
the pose and the shape of the head.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError, ShapeError
from nobodies.latents.attributes import CERTAIN, AttributeModel
from nobodies.latents.vocabulary import ATTRIBUTES, Attribute, find_attribute

Array = NDArray[np.float32]

LONGEST_STEP: Final = 3.0
"""Mahalanobis length beyond which faces break."""
_ABSENT: Final = 1 - CERTAIN
_FLOOR: Final = 1e-6
_YES: Final = frozenset({"yes", "true", "on"})
_NO: Final = frozenset({"no", "none", "false", "off"})


@dataclass(frozen=True, slots=True)
class Change:
    """What shall become of one attribute: a value to reach, or a step to take."""

    amount: float
    relative: bool = False

    def __str__(self) -> str:
        return f"{self.amount:+g}" if self.relative else f"{self.amount:g}"


Changes = Mapping[str, Change]
Wanted = Mapping[str, "Change | float | str"]


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """Style codes after an edit."""

    ws: Array
    """[L, W]."""
    before: Mapping[str, float]
    """Attributes as predicted from the codes that came."""
    after: Mapping[str, float]
    """Attributes as predicted from the codes that go."""
    length: float
    """Mahalanobis length of the step."""
    clamped: Mapping[str, float]
    """Attributes that could not be moved as far as asked without breaking the face, with the value they got."""

    def __str__(self) -> str:
        if not self.clamped:
            return "as asked"
        reached = ", ".join(f"{name} {_shown(name, value)}" for name, value in self.clamped.items())
        return f"clamped so that the face does not break: {reached}"


def edit(
    model: AttributeModel,
    ws: Array,
    changes: Wanted,
    *,
    longest: float = LONGEST_STEP,
    hold: bool = True,
    further: Mapping[str, float] | None = None,
) -> Edited:
    """Change attributes of a face.

    Args:
        model: attributes of the generator that the codes are for.
        ws: style codes of one face, [L, W].
        changes: by attribute; see `changes_from`.
        longest: Mahalanobis length that the step may have in any layer, above 0.
        hold: keep all other attributes where they are.
        further: by attribute, how much further than asked to move its score; what a measurement found missing.

    Returns:
        The new codes, and what was clamped.

    Raises:
        SettingError: an attribute that there is not, or a value that no face has.
        ShapeError: `ws` is not [L, W].
    """
    if ws.ndim != 2:
        raise ShapeError(f"ws is {list(ws.shape)}: an edit takes the codes of one face, [L, W]")
    if not longest > 0:
        raise SettingError(f"longest is {longest}: it must be above 0")
    scores = model.scores(ws[None])[0]
    step, asked = _asked(model, scores, changes_from(changes))
    for name, score in (further or {}).items():
        step[model.index(name)] += score
    rows = list(range(len(model.names))) if hold else [model.index(name) for name in asked]
    direction, length = layered_step(model, rows, step, len(ws))
    share = min(1.0, longest / length) if length else 1.0
    edited: Array = (ws + (share * direction).astype(np.float32)).astype(np.float32)
    before, after = (_values(model, each) for each in (scores, model.scores(edited[None])[0]))
    clamped = _clamped(model, asked, before, after) if share < 1 else {}
    return Edited(edited, before, after, share * length, clamped)


def layered_step(
    model: AttributeModel, rows: list[int], step: NDArray[np.float64], num_ws: int
) -> tuple[NDArray[np.float64], float]:
    """Give the most plausible step that changes each attribute in its own layers.

    Args:
        model: attributes of the generator.
        rows: the attributes that are to move, or to be held, by their rows.
        step: how far every score shall move, [K].
        num_ws: number of layers, L.

    Returns:
        The step, [L, W], and its largest Mahalanobis length in any layer.
    """
    shares = model.layer_shares(num_ws)
    multipliers = np.zeros((num_ws, len(rows)))
    for place, row in enumerate(rows):
        if step[row]:
            alone = np.zeros(len(rows))
            layers = model.layers_of(model.names[row], num_ws)
            alone[place] = step[row] / shares[row, layers].sum()
            multipliers[layers] += _multipliers(model, rows, alone)
    covariance = model.score_covariance[np.ix_(rows, rows)]
    squares = np.einsum("lr,rs,ls->l", multipliers, covariance, multipliers)
    return multipliers @ model.spread_along[:, rows].T, float(squares.max()) ** 0.5


def smallest_step(
    model: AttributeModel, rows: list[int], step: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Give the most plausible step in a code that all layers share.

    Args:
        model: attributes of the generator.
        rows: the attributes that are to move, or to be held, by their rows.
        step: how far the score of each shall move.

    Returns:
        The step, [W], and its Mahalanobis length.
    """
    multipliers = _multipliers(model, rows, step)
    return model.spread_along[:, rows] @ multipliers, max(float(step @ multipliers), 0.0) ** 0.5


def _multipliers(model: AttributeModel, rows: list[int], step: NDArray[np.float64]) -> NDArray[np.float64]:
    covariance = model.score_covariance[np.ix_(rows, rows)]
    # Attributes that say the same thing twice would make it singular.
    floor = _FLOOR * np.diag(np.diag(covariance))
    return np.asarray(np.linalg.solve(covariance + floor, step), np.float64)


def changes_from(wanted: Wanted) -> dict[str, Change]:
    """Bring changes to one form.

    Args:
        wanted: by attribute: a `Change`; a number, which is a step (+10 years; for a chance, +1 makes sure of it);
            or a text as on the command line, "+10" for a step, "60", "yes" or "none" for a value.
            Besides the attributes, `man` is the opposite of `woman`, and `glasses` may be set to "none",
            "eyeglasses" or "sunglasses".

    Raises:
        SettingError: an attribute that there is not, or a value that it cannot have.
    """
    changes: dict[str, Change] = {}
    for name, amount in wanted.items():
        for each, change in _read(name.strip().lower().replace("-", "_"), amount):
            if each in changes:
                raise SettingError(f"{each} is changed twice: keep one of the changes")
            attribute = find_attribute(each)
            _check(attribute, change)
            changes[each] = change
    if not changes:
        raise SettingError(f"nothing is to be changed: name one of {', '.join(ATTRIBUTES)}")
    return changes


def parse_changes(texts: Iterable[str]) -> dict[str, Change]:
    """Read changes such as "age=60", "smile=+1" or "glasses=none".

    Raises:
        SettingError: as for `changes_from`, or a text without "=".
    """
    wanted: dict[str, str] = {}
    for text in texts:
        name, equals, amount = text.partition("=")
        if not equals:
            raise SettingError(f"'{text[:40]}' is no change: write for example age=60, age=+10 or glasses=none")
        if name.strip() in wanted:
            raise SettingError(f"{name.strip()} is changed twice: keep one of the changes")
        wanted[name.strip()] = amount
    return changes_from(wanted)


def _read(name: str, amount: "Change | float | str") -> Iterable[tuple[str, Change]]:
    if name == "glasses":
        return _read_glasses(amount)
    change = _parse(name, amount)
    if name == "man":
        return [("woman", Change(-change.amount if change.relative else 1 - change.amount, change.relative))]
    return [(name, change)]


def _read_glasses(amount: "Change | float | str") -> Iterable[tuple[str, Change]]:
    kind = amount.strip().lower() if isinstance(amount, str) else amount
    if kind not in ("none", "no", "eyeglasses", "sunglasses"):
        raise SettingError(f"glasses is {amount!r}: choose none, eyeglasses or sunglasses")
    return [(each, Change(1.0 if kind == each else 0.0)) for each in ("eyeglasses", "sunglasses")]


def _parse(name: str, amount: "Change | float | str") -> Change:
    if isinstance(amount, Change):
        return amount
    if not isinstance(amount, str):
        return Change(float(amount), relative=True)
    text = amount.strip().lower()
    if text in _YES or text in _NO:
        return Change(1.0 if text in _YES else 0.0)
    try:
        # A value below 0 is told from a step by an equals sign of its own: yaw==-20.
        return Change(float(text.lstrip("=")), relative=text.startswith(("+", "-")))
    except ValueError:
        raise SettingError(f"{name} is '{amount[:40]}': give a value, a step such as +1, yes or none") from None


def _check(attribute: Attribute, change: Change) -> None:
    if not np.isfinite(change.amount):
        raise SettingError(f"{attribute.name} is {change.amount}: it must be a finite number")
    if not change.relative and not attribute.minimum <= change.amount <= attribute.maximum:
        raise SettingError(
            f"{attribute.name} {change.amount:g} is beyond what faces have: choose {attribute.minimum:g} to "
            f"{attribute.maximum:g} {attribute.unit}".rstrip()
        )


def _asked(
    model: AttributeModel, scores: NDArray[np.float64], changes: Changes
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """Give how far each score is to move, [K], and the value that each changed attribute shall get."""
    step, asked = np.zeros(len(scores)), {}
    values = _values(model, scores)
    for name, change in changes.items():
        row, attribute = model.index(name), ATTRIBUTES[name]
        target = values[name] + change.amount if change.relative else change.amount
        target = min(max(target, attribute.minimum), attribute.maximum)
        step[row] = _score_step(model, name, float(scores[row]), target)
        asked[name] = target
    return step, asked


def _score_step(model: AttributeModel, name: str, score: float, target: float) -> float:
    wanted = model.score(name, target)
    if ATTRIBUTES[name].kind == "chance" and (
        (target >= CERTAIN and score > wanted) or (target <= _ABSENT and score < wanted)
    ):
        return 0.0  # surer than sure already
    return wanted - score


def _values(model: AttributeModel, scores: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(model.value(name, scores[row])) for row, name in enumerate(model.names)}


def _clamped(
    model: AttributeModel, asked: Mapping[str, float], before: Mapping[str, float], after: Mapping[str, float]
) -> dict[str, float]:
    """Give the attributes that got less than nine tenths of the way to what was asked."""
    short = {}
    for name, target in asked.items():
        start, wanted, reached = [model.score(name, value) for value in (before[name], target, after[name])]
        if abs(wanted - reached) > 0.1 * abs(wanted - start) + 1e-3:
            short[name] = after[name]
    return short


def _shown(name: str, value: float) -> str:
    return f"{value:.2f}" if ATTRIBUTES[name].kind == "chance" else f"{value:.0f} {ATTRIBUTES[name].unit}"
