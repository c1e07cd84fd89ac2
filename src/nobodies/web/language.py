"""English and French: the texts of the pages, and which of them a visitor wants."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

LANGUAGES: Final = ("en", "fr")
COOKIE: Final = "lang"


class Texts:
    """The texts of one language."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        """Take the language's code and its texts by name."""
        self.language = language
        self._texts = texts

    def __call__(self, name: str, /, **values: Any) -> str:
        """Give a text, with values in its {places}. An unknown name is a bug and raises KeyError."""
        text = self._texts[name]
        return text.format(**values) if values else text

    def below(self, prefix: str) -> dict[str, str]:
        """Give all texts whose names begin with a prefix, by the rest of their names."""
        return {name.removeprefix(prefix): text for name, text in self._texts.items() if name.startswith(prefix)}

    def names(self) -> frozenset[str]:
        """Give the names of all texts."""
        return frozenset(self._texts)


@cache
def texts(language: str) -> Texts:
    """Read the texts of a language."""
    content = files("nobodies.web").joinpath("text", f"{language}.json").read_text(encoding="utf-8")
    return Texts(language, json.loads(content))


def choose_language(asked: str | None, remembered: str | None, accepted: str) -> str:
    """Choose a language of ours.

    Args:
        asked: by the address, or None.
        remembered: in the cookie, or None.
        accepted: the header Accept-Language.
    """
    for each in (asked, remembered):
        if each in LANGUAGES:
            return each
    wanted = sorted(_weighted(accepted), key=lambda pair: -pair[1])
    return next((language for language, weight in wanted if weight > 0 and language in LANGUAGES), LANGUAGES[0])


def _weighted(accepted: str) -> list[tuple[str, float]]:
    return [(part.split(";")[0].split("-")[0].strip().lower(), _weight(part)) for part in accepted[:400].split(",")]


def _weight(part: str) -> float:
    _, _, weight = part.partition(";q=")
    try:
        return float(weight.strip() or 1)
    except ValueError:
        return 0.0
