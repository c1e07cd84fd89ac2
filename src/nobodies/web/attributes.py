"""What the site can do where an attribute model is known: read faces, choose among them, change them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from nobodies.choosing import Search
from nobodies.errors import ModelError
from nobodies.generator import Generator
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.latents.wishes import ADULT_AGE, Wishes, parse_wishes
from nobodies.settings import FaceSettings
from nobodies.web.features import Slider, WishGroup

Array = NDArray[np.float32]

_SEEDS_A_FACE: Final = 20_000
_MOST_FACES: Final = 1000
_CHANCE: Final = (-1.0, 1.0, 0.1)
_REACH: Final[Mapping[str, tuple[float, float, float]]] = {
    "age": (-30, 30, 1),
    "yaw": (-25, 25, 1),
    "pitch": (-15, 15, 1),
}
_LIGHTNESS: Final = (-20.0, 20.0, 1.0)
_MAIN: Final = frozenset({"age", "woman", "smile", "eyeglasses", "beard", "yaw"})
_GROUPS: Final = (
    WishGroup("woman", ("woman", "man")),
    WishGroup("smile", ("smiling", "not smiling")),
    WishGroup("eyeglasses", ("eyeglasses", "sunglasses", "no glasses")),
    WishGroup("beard", ("beard", "no beard")),
    WishGroup("hair_lightness", ("dark hair", "light hair")),
    WishGroup("yaw", ("facing front", "facing left", "facing right")),
)


class FaceAttributes:
    """The attribute model of a generator, as the site uses it."""

    def __init__(self, generator: Generator) -> None:
        """Take the generator's attribute model.

        Raises:
            ModelError: it has none.
        """
        self._generator = generator
        self._model = generator.attributes
        self._adults = Wishes()

    @classmethod
    def of(cls, generator: Generator) -> Self | None:
        """Give the attributes of a generator, or None if none are known."""
        try:
            return cls(generator)
        except ModelError:
            return None

    @property
    def sliders(self) -> Sequence[Slider]:
        """What can be changed, and how far."""
        return [Slider(name, *_reach(name), is_main=name in _MAIN) for name in self._model.names]

    @property
    def wishes(self) -> Sequence[WishGroup]:
        """What can be wished for, besides the age."""
        known = set(self._model.names)
        words = {group.name: tuple(word for word in group.words if _needs(word) <= known) for group in _GROUPS}
        return [WishGroup(name, kept) for name, kept in words.items() if kept]

    @property
    def ages(self) -> tuple[int, int]:
        """The lowest and the highest age that can be wished for, in years."""
        return int(ADULT_AGE), int(ATTRIBUTES["age"].maximum)

    def predict(self, seed: int) -> Mapping[str, float]:
        """Say what the face of a seed looks like: numbers in their unit, chances from 0 to 1."""
        values = self._model.predict(self._generator.styles_of_seed(seed, FaceSettings())[None])
        return {name: round(float(value[0]), 3) for name, value in values.items()}

    def may_be_shown(self, seeds: Sequence[int]) -> NDArray[np.bool_]:
        """Tell which seeds may come up by chance, [N]: faces that look like minors do not."""
        return self._adults.screen(self._model, self._generator.styles_of_seeds(seeds, FaceSettings()))

    def choose(self, wishes: str, from_seed: int, *, balanced: bool = False) -> Iterator[int]:
        """Give seeds whose faces fit, in order; of all groups alike if balanced.

        Raises:
            SettingError: the wishes cannot be read.
            SearchError: no more were found among as many seeds as are looked at.
        """
        search = Search(
            self._generator,
            parse_wishes(wishes),
            FaceSettings(),
            from_seed=from_seed,
            seeds_a_face=_SEEDS_A_FACE,
            balanced=balanced,
        )
        return search.find(_MOST_FACES)

    def edit(self, ws: Array, edits: Mapping[str, float]) -> Array:
        """Change style codes [L, W], as far as the face stays whole.

        Raises:
            SettingError: an attribute is unknown.
        """
        changed: Array = self._generator.edit(ws, dict[str, Any](edits)).ws
        return changed


def _needs(word: str) -> set[str]:
    """The attributes that a wish is about."""
    return {name for name, _ in parse_wishes(word).items()}


def _reach(name: str) -> tuple[float, float, float]:
    """Lowest and highest change of an attribute, and the step between."""
    if ATTRIBUTES[name].kind == "chance":
        return _CHANCE
    return _REACH.get(name, _LIGHTNESS)
