import re
from importlib.resources import files

import pytest

from nobodies.web.language import LANGUAGES, choose_language, texts
from nobodies.web.routes.pages import _PROBLEMS

FOLDER = files("nobodies.web")
TEMPLATES = {each.name: each.read_text() for each in FOLDER.joinpath("templates").iterdir()}
SCRIPTS = {each.name: each.read_text() for each in FOLDER.joinpath("static").iterdir() if each.name.endswith(".js")}


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "chosen"),
    [
        (None, None, "", "en"),
        (None, None, "fr-CA,en;q=0.8", "fr"),
        (None, None, "de,fr;q=0.4,en;q=0.5", "en"),
        (None, None, "fr;q=0,en;q=0.1", "en"),
        (None, None, "fr;q=much,de", "en"),
        (None, "fr", "en", "fr"),
        ("en", "fr", "fr", "en"),
        ("xx", "yy", "fr", "fr"),
        (None, None, "," * 5000, "en"),
    ],
)
def test_the_language_follows_the_visitor(
    asked: str | None, remembered: str | None, accepted: str, chosen: str
) -> None:
    assert choose_language(asked, remembered, accepted) == chosen


def test_all_languages_say_the_same_things_with_the_same_places() -> None:
    first, *others = map(texts, LANGUAGES)
    for other in others:
        assert other.names() == first.names()
        for name in first.names():
            assert set(re.findall(r"\{(\w+)\}", other.below("")[name])) == set(
                re.findall(r"\{(\w+)\}", first.below("")[name])
            )


def test_every_text_that_is_used_is_there() -> None:
    names = texts("en").names()
    for page in TEMPLATES.values():
        for name in re.findall(r"\bt\('([a-z0-9_.]+)'[,) ]", page):
            assert name in names or (name.endswith(".") and texts("en").below(name)), name
    for script in SCRIPTS.values():
        for name in re.findall(r"\btext\(\"(\w+)\"", script):
            assert f"js.{name}" in names, name
    assert {f"problem.{kind}" for kind in _PROBLEMS} <= names


def test_no_page_runs_or_styles_anything_inline_or_names_another_site() -> None:
    for page in TEMPLATES.values():
        assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:", page)
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page)
        assert not re.search(r"(src|href|action)=\"(https?:)?//", page)
