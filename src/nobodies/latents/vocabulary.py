"""The attributes that wishes and edits speak of: what each one measures and which values it can have.

What is meant is always how a face looks in its picture. Nothing here says who somebody is, and race is not
among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from nobodies.errors import SettingError

Kind = Literal["number", "chance"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One property of a face."""

    name: str
    kind: Kind
    """A quantity, or how likely it is that the face has the property, 0 to 1."""
    text: str
    """What it is, for help and cards."""
    unit: str = ""
    minimum: float = 0.0
    """Smallest value one can ask for."""
    maximum: float = 1.0
    tolerance: float = 0.0
    """How far a face may be off where a single value is asked for."""


def _number(name: str, text: str, unit: str, minimum: float, maximum: float, tolerance: float) -> Attribute:
    return Attribute(name, "number", text, unit, minimum, maximum, tolerance)


def _chance(name: str, text: str) -> Attribute:
    return Attribute(name, "chance", text)


_ALL: Final = (
    _number("age", "apparent age", "years", 0, 90, 2.5),
    _chance("woman", "looks like a woman; the opposite looks like a man"),
    _chance("smile", "smiles"),
    _chance("eyeglasses", "wears clear glasses"),
    _chance("sunglasses", "wears dark glasses"),
    _chance("beard", "has a beard"),
    _chance("mouth_open", "the lips are apart"),
    _chance("eyes_open", "both eyes are open"),
    _number("yaw", "where the head points; above 0 to the picture's right", "degrees", -60, 60, 5),
    _number("pitch", "where the head points; above 0 upwards", "degrees", -40, 40, 5),
    _number("hair_lightness", "lightness of the hair as lit, L* of CIELAB", "L*", 0, 100, 8),
    _number("skin_lightness", "lightness of the skin as lit, L* of CIELAB", "L*", 0, 100, 6),
    _number("background_lightness", "lightness of the background, L* of CIELAB", "L*", 0, 100, 8),
)

ATTRIBUTES: Final[Mapping[str, Attribute]] = {attribute.name: attribute for attribute in _ALL}


@dataclass(frozen=True, slots=True)
class Range:
    """Values from `low` to `high`, both included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


def find_attribute(name: str) -> Attribute:
    """Give the attribute of a name.

    Raises:
        SettingError: there is none; the message names those that there are.
    """
    try:
        return ATTRIBUTES[name]
    except KeyError:
        raise SettingError(f"no attribute is called '{name}': there are {', '.join(ATTRIBUTES)}") from None
