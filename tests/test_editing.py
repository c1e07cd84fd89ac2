"""Edits that are measured and corrected, in a world where faces go only part of the way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies import survey
from nobodies.editing import CORRECTIONS
from nobodies.errors import InputError
from nobodies.generator import Generator
from tests.tiny_attributes import install, tiny_attributes

Measure = Callable[[NDArray[np.uint8]], dict[str, float] | None]


@pytest.fixture(autouse=True)
def attributes(own_cache: Path) -> None:
    install()


@pytest.fixture
def looks(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Measuring: ages change by 0.6 of what the codes predict, smiles by less than that."""
    drawn: list[NDArray[np.float32]] = []
    ages: list[float] = []
    model = tiny_attributes()

    def synthesize(ws: NDArray[np.float32], **options: object) -> NDArray[np.uint8]:
        drawn.append(ws[0])
        return np.zeros((1, 8, 8, 3), np.uint8)

    def measure(pixels: NDArray[np.uint8]) -> dict[str, float]:
        scores = dict(zip(model.names, model.scores(drawn[-1][None])[0], strict=True))
        ages.append(40 + 0.6 * (float(scores["age"]) - 40))
        return {"age": ages[-1], "smile": float(1 / (1 + np.exp(-0.4 * scores["smile"]))), "yaw": scores["yaw"]}

    monkeypatch.setattr(generator.engine, "synthesize", synthesize)
    monkeypatch.setattr(survey, "measure", measure)
    return ages


def test_a_face_that_went_half_way_is_sent_on(generator: Generator, looks: list[float]) -> None:
    edited = generator.edit(5, {"age": +4}, checked=True)
    assert len(looks) > 2
    assert edited.before["age"] == pytest.approx(looks[0])
    assert edited.after["age"] == pytest.approx(looks[0] + 4, abs=0.7)
    unchecked = generator.edit(5, {"age": +4})
    assert edited.length > unchecked.length


def test_a_property_is_pushed_until_it_is_there(generator: Generator, looks: list[float]) -> None:
    wanted = "no" if generator.attributes.predict(generator.w(5)[None])["smile"][0] > 0.5 else "yes"
    edited = generator.edit(5, {"smile": wanted}, checked=True)
    unchecked = generator.edit(5, {"smile": wanted})
    assert (edited.after["smile"] > 0.5) == (wanted == "yes")
    assert edited.length >= unchecked.length


def test_a_face_that_is_right_is_left_alone(generator: Generator, looks: list[float]) -> None:
    edited = generator.edit(5, {"yaw": +3}, checked=True)
    assert len(looks) == 2
    assert edited.ws == pytest.approx(generator.edit(5, {"yaw": +3}).ws)


def test_corrections_come_to_an_end(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def measure(pixels: NDArray[np.uint8]) -> dict[str, float]:
        seen.append(1)
        return {"age": 30.0}

    monkeypatch.setattr(survey, "measure", measure)
    edited = generator.edit(5, {"age": +1}, checked=True)
    assert len(seen) == 2 + CORRECTIONS
    assert edited.after["age"] == 30.0


def test_pictures_without_a_face(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "measure", lambda pixels: None)
    with pytest.raises(InputError, match="no face is seen"):
        generator.edit(5, {"age": +1}, checked=True)
    answers = iter([{"age": 30.0}, None])
    monkeypatch.setattr(survey, "measure", lambda pixels: next(answers))
    assert generator.edit(5, {"age": +1}, checked=True).ws == pytest.approx(generator.edit(5, {"age": +1}).ws)
