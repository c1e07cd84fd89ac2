"""What a face shall be like, as a typed object and as a line of text.

>>> str(parse_wishes("a smiling woman, aged 35-45, with glasses"))
'age 35..45, woman, smiling, eyeglasses'

The grammar is forgiving: parts are separated by commas or semicolons, filler words and capitals do not matter, and
most properties answer to several words. A part is a property ("bearded"), a property denied ("no beard", "not
smiling"), or an attribute with a value or a range ("yaw 10..20", "age 40", "age > 60", "hair_lightness below 30").
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError
from nobodies.latents.attributes import AttributeModel, logit
from nobodies.latents.vocabulary import ATTRIBUTES, Attribute, Range
from nobodies.latents.words import (
    ABOVE,
    ADULT_AGE,
    DENIALS,
    FILLERS,
    MEASURES,
    NO,
    SCREENED_AGE,
    SPOKEN,
    UNITS,
    VALUE,
    WORDS,
    YES,
)

__all__ = ["ADULT_AGE", "Range", "Wishes", "known_words", "parse_wishes"]

_MOST_LENGTH: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What a face shall be like; None where anything goes.

    A property is wished for with True and against with False. Minors are left out unless `adults_only` is False.
    """

    age: Range | None = None
    woman: bool | None = None
    smile: bool | None = None
    eyeglasses: bool | None = None
    sunglasses: bool | None = None
    beard: bool | None = None
    mouth_open: bool | None = None
    eyes_open: bool | None = None
    yaw: Range | None = None
    pitch: Range | None = None
    hair_lightness: Range | None = None
    skin_lightness: Range | None = None
    background_lightness: Range | None = None
    adults_only: bool = True

    def __post_init__(self) -> None:
        for name, wish in self.items():
            _check(ATTRIBUTES[name], wish)
        if self.eyeglasses and self.sunglasses:
            raise SettingError("these wishes contradict each other: eyeglasses and sunglasses; choose one")
        if self.adults_only and self.age is not None and self.age.high < ADULT_AGE:
            raise SettingError(
                f"age {self.age} asks for minors only: faces that look under {ADULT_AGE:g} are left out unless they "
                "are allowed (--allow-minors, or adults_only=False)"
            )

    def items(self) -> Iterator[tuple[str, Range | bool]]:
        """Give each wish with the name of its attribute."""
        for each in fields(self):
            wish = getattr(self, each.name)
            if each.name in ATTRIBUTES and wish is not None:
                yield each.name, wish

    def __bool__(self) -> bool:
        return any(True for _ in self.items())

    def __str__(self) -> str:
        return ", ".join(_write(name, wish) for name, wish in self.items())

    def fits(self, values: Mapping[str, float]) -> bool:
        """Tell whether a face measured to have these values is as wished. A chance counts as yes from a half up."""
        return all(_holds(ATTRIBUTES[name], wish, values[name]) for name, wish in self.bounds())

    def bounds(self) -> Iterator[tuple[str, Range | bool]]:
        """Give each wish and what it implies: one kind of glasses is not the other, and minors are left out."""
        wishes = dict(self.items())
        if self.eyeglasses or self.sunglasses:  # in w, dark glasses lie beyond clear ones
            wishes["sunglasses" if self.eyeglasses else "eyeglasses"] = False
        if self.adults_only:
            age = self.age or Range(ATTRIBUTES["age"].minimum, ATTRIBUTES["age"].maximum)
            wishes["age"] = Range(max(age.low, ADULT_AGE), age.high)
        yield from wishes.items()

    def one_by_one(self) -> Iterator["Wishes"]:
        """Give each wish as wishes of its own, for people of any age."""
        for name, wish in self.items():
            single: dict[str, Any] = {name: wish}
            yield Wishes(**single, adults_only=False)

    def score_bounds(self, model: AttributeModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the smallest and the largest score that each attribute may have, [K] each.

        A property counts as there, or as absent, only where the model is right about it in nearly all faces.

        Raises:
            SettingError: the model lacks an attribute that is wished for.
        """
        low, high = np.full(len(model.names), -np.inf), np.full(len(model.names), np.inf)
        for name, wish in self.bounds():
            row = model.index(name)
            if name == "eyeglasses" and self.sunglasses:
                continue  # that score is one among faces without dark glasses
            if isinstance(wish, Range):
                low[row], high[row] = self._predicted_low(name, wish), wish.high
            elif wish:
                low[row] = logit(float(model.arrays["sure_yes"][row]), certain=1.0 - 1e-6)
            else:
                high[row] = logit(float(model.arrays["sure_no"][row]), certain=1.0 - 1e-6)
        return low, high

    def _predicted_low(self, name: str, wish: Range) -> float:
        """Give the smallest value that may be predicted; for adults with a margin, if there is room."""
        roomy = wish.high >= SCREENED_AGE + ATTRIBUTES["age"].tolerance
        return max(wish.low, SCREENED_AGE) if name == "age" and self.adults_only and roomy else wish.low

    def screen(self, model: AttributeModel, w: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which style codes are those of faces as wished, without drawing them.

        Args:
            model: the attributes of the generator.
            w: [N, W] or [N, L, W].

        Returns:
            [N].

        Raises:
            SettingError: the model lacks an attribute that is wished for.
        """
        return self.fitting(model, model.scores(w))

    def fitting(self, model: AttributeModel, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which scores [N, K] are those of faces as wished, [N]; see `screen`."""
        low, high = self.score_bounds(model)
        fitting: NDArray[np.bool_] = np.all((scores >= low) & (scores <= high), axis=1)
        return fitting


def _check(attribute: Attribute, wish: object) -> None:
    if attribute.kind == "chance":
        if not isinstance(wish, bool):
            raise SettingError(f"{attribute.name} is {wish!r}: it takes true, false or nothing")
        return
    if not isinstance(wish, Range):
        raise SettingError(f"{attribute.name} is {wish!r}: it takes a range such as {attribute.name}=Range(20, 30)")
    # Written so that NaN is refused too.
    if not wish.low <= wish.high:
        raise SettingError(f"{attribute.name} {wish} runs backwards: write {wish.high:g}..{wish.low:g}")
    if not attribute.minimum <= wish.low <= wish.high <= attribute.maximum:
        raise SettingError(
            f"{attribute.name} {wish} is beyond what faces have: stay within {attribute.minimum:g}.."
            f"{attribute.maximum:g} {attribute.unit}"
        )


def _holds(attribute: Attribute, wish: Range | bool, value: float) -> bool:
    return value in wish if isinstance(wish, Range) else (value >= 0.5) == wish


def _write(name: str, wish: Range | bool) -> str:
    if isinstance(wish, Range):
        return f"{name} {wish}"
    return SPOKEN[name][0 if wish else 1]


def known_words() -> tuple[str, ...]:
    """Give every word and phrase that asks for something, sorted."""
    return tuple(sorted({*WORDS, *ATTRIBUTES}))


def parse_wishes(text: str, *, adults_only: bool = True) -> Wishes:
    """Read wishes from a line of text; the module's introduction describes the grammar.

    Args:
        text: for example "age 35..45, woman, smiling, eyeglasses, facing front".
        adults_only: leave out faces that look younger than `ADULT_AGE`.

    Returns:
        Wishes, whose text reads back as the same wishes.

    Raises:
        SettingError: a part is not understood, impossible, or contradicts another one.
    """
    if len(text) > _MOST_LENGTH:
        raise SettingError(f"the wishes have {len(text)} characters: {_MOST_LENGTH} are enough for all there are")
    found: dict[str, Range | bool] = {}
    for part in re.split(r"[,;\n]", text.lower()):
        for name, wish in _parse_part(" ".join(part.replace("=", " ").replace(":", " ").split())):
            found[name] = _joined(name, found[name], wish) if name in found else wish
    fields_found: dict[str, Any] = dict(found)
    return Wishes(**fields_found, adults_only=adults_only)


def _parse_part(part: str) -> Iterator[tuple[str, Range | bool]]:
    """Read one part, which may hold several words: "smiling woman of about 40"."""
    match = VALUE.search(part)
    while match:
        before, after = part[: match.start()].split(), part[match.end() :]
        name, used = _measure(before)
        if name is None and (UNITS.match(after.strip()) or not before):
            name = "age"
        if name is None:
            raise _not_understood(part)
        yield name, _range(ATTRIBUTES[name], match)
        part = " ".join([*before[: len(before) - used], UNITS.sub("", after, count=2).strip()])
        match = VALUE.search(part)
    yield from _parse_words(part)


def _measure(before: list[str]) -> tuple[str | None, int]:
    """Tell what the words before a number measure, and how many of them say so."""
    for num_words in (2, 1):
        name = MEASURES.get(" ".join(before[-num_words:])) if len(before) >= num_words else None
        if name:
            used = num_words
            while used < len(before) and before[-used - 1] in MEASURES:  # "aged about 40"
                name, used = MEASURES[before[-used - 1]], used + 1
            return name, used
    return None, 0


def _range(attribute: Attribute, match: "re.Match[str]") -> Range:
    if match["low"]:
        return Range(float(match["low"]), float(match["high"]))
    if match["sign"]:
        bound = float(match["bound"])
        up = match["sign"] in ABOVE
        return Range(bound, attribute.maximum) if up else Range(attribute.minimum, bound)
    value = float(match["one"])
    if match["plus"]:
        return Range(value, attribute.maximum)
    if not attribute.minimum <= value <= attribute.maximum:
        return Range(value, value)  # refused by Wishes, with the value as it was written
    return Range(
        max(value - attribute.tolerance, attribute.minimum), min(value + attribute.tolerance, attribute.maximum)
    )


def _parse_words(part: str) -> Iterator[tuple[str, Range | bool]]:
    words = [word for word in part.split() if word not in FILLERS]
    while words:
        first = words[0] in DENIALS
        meant, used = _phrase(words[1:] if first else words)
        if meant is None:
            raise _not_understood(" ".join(words))
        used += first
        denied = first
        if used < len(words) and words[used] in YES | NO:  # "beard: no"
            denied = first != (words[used] in NO)
            used += 1
        yield from (_denied(meant, " ".join(words)) if denied else meant).items()
        words = words[used:]


def _phrase(words: list[str]) -> tuple[Mapping[str, Range | bool] | None, int]:
    for num_words in (2, 1):
        phrase = " ".join(words[:num_words])
        if len(words) >= num_words:
            if phrase in WORDS:
                return WORDS[phrase], num_words
            if phrase in ATTRIBUTES and ATTRIBUTES[phrase].kind == "chance":
                return {phrase: True}, num_words
    return None, 0


def _denied(meant: Mapping[str, Range | bool], text: str) -> Mapping[str, Range | bool]:
    if meant is WORDS["glasses"] and "eye" not in text and "spectacles" not in text:
        return WORDS["no glasses"]
    if any(isinstance(wish, Range) for wish in meant.values()):
        raise SettingError(f"'{text}' cannot be denied: say what is wished for instead, for example 'age 30..50'")
    return {name: not wish for name, wish in meant.items()}


def _joined(name: str, first: Range | bool, second: Range | bool) -> Range | bool:
    """Give the wish that satisfies both."""
    if isinstance(first, Range) and isinstance(second, Range):
        low, high = max(first.low, second.low), min(first.high, second.high)
        if low <= high:
            return Range(low, high)
    elif first == second:
        return first
    raise SettingError(
        f"these wishes contradict each other: {_write(name, first)} and {_write(name, second)}; choose one"
    )


def _not_understood(text: str) -> SettingError:
    if text in MEASURES:
        return SettingError(f"'{text}' wants a value or a range, for example '{text} 30..40'")
    near = difflib.get_close_matches(text, known_words(), n=1, cutoff=0.6)
    near = near or [match for word in text.split() for match in difflib.get_close_matches(word, known_words(), n=1)]
    hint = f"did you mean '{near[0]}'? " if near else ""
    return SettingError(f"'{text[:40]}' is not understood: {hint}Known words: {', '.join(known_words())}")
