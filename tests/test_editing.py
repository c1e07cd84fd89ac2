"""Edits that are measured and corrected, in a world where faces go only part of the way."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies import editing, survey
from nobodies.editing import CORRECTIONS
from nobodies.errors import InputError
from nobodies.generator import Generator
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.looks import PARTS, LookModel
from nobodies.survey import Look
from nobodies.vision.identity import threshold
from tests.tiny_attributes import install, tiny_attributes


def seen(**values: float) -> Look:
    """Give a look at somebody who is always the same."""
    return Look(values, np.zeros(128, np.float32), np.zeros(956, np.float32), np.zeros(0, np.float32))


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

    def look(pixels: NDArray[np.uint8], *, features: bool) -> Look:
        scores = dict(zip(model.names, model.scores(drawn[-1][None])[0], strict=True))
        ages.append(40 + 0.6 * (float(scores["age"]) - 40))
        return seen(age=ages[-1], smile=float(1 / (1 + np.exp(-0.4 * scores["smile"]))), yaw=float(scores["yaw"]))

    monkeypatch.setattr(generator.engine, "synthesize", synthesize)
    monkeypatch.setattr(survey, "look", look)
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
    times: list[int] = []

    def look(pixels: NDArray[np.uint8], *, features: bool) -> Look:
        times.append(1)
        return seen(age=30.0)

    monkeypatch.setattr(survey, "look", look)
    edited = generator.edit(5, {"age": +1}, checked=True)
    assert len(times) == 2 + CORRECTIONS
    assert edited.after["age"] == 30.0


def test_pictures_without_a_face(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "look", lambda pixels, features: None)
    with pytest.raises(InputError, match="no face is seen"):
        generator.edit(5, {"age": +1}, checked=True)
    answers = iter([seen(age=30.0), None])
    monkeypatch.setattr(survey, "look", lambda pixels, features: next(answers))
    assert generator.edit(5, {"age": +1}, checked=True).ws == pytest.approx(generator.edit(5, {"age": +1}).ws)


@pytest.mark.parametrize("before", [30.0, float("nan")])
def test_what_cannot_be_told_is_not_corrected(
    before: float, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([seen(age=before), seen(age=float("nan"))])
    monkeypatch.setattr(survey, "look", lambda pixels, features: next(answers))
    edited = generator.edit(5, {"age": +1}, checked=True)
    assert edited.ws == pytest.approx(generator.edit(5, {"age": +1}).ws)
    assert "age" not in edited.after


@pytest.fixture
def drifting(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> LookModel:
    """A world of two attributes in which who somebody is changes with the age, and with two other numbers of w."""
    whole = tiny_attributes()
    card = replace(whole.card, fits={name: whole.card.fits[name] for name in ("age", "woman")})
    arrays = {name: array[:2] if array.shape[:1] == (8,) else array for name, array in whole.arrays.items()}
    arrays |= {"w_mean": whole.w_mean, "components": whole.arrays["components"]}
    monkeypatch.setitem(generator.__dict__, "attributes", AttributeModel(card, arrays))
    slopes = np.zeros((sum(PARTS.values()), 8))
    slopes[0, [0, 5]] = 1.0
    slopes[1, [0, 6]] = 1.0
    bases = {f"{name}_{what}": np.zeros((1, 1)) for name in ("mesh", "features") for what in ("mean", "basis")}
    fixed: dict[str, NDArray[Any]] = {"w_mean": whole.w_mean, "components": np.eye(8) * 0.63, "slopes": slopes}
    looks = LookModel("", fixed | bases | {"centre": np.zeros(len(slopes)), "noise": np.ones(len(slopes))})
    drawn: list[NDArray[np.float32]] = []

    def synthesize(ws: NDArray[np.float32], **options: object) -> NDArray[np.uint8]:
        drawn.append(ws[0].mean(0))
        return np.zeros((1, 8, 8, 3), np.uint8)

    def look(pixels: NDArray[np.uint8], *, features: bool) -> Look:
        who = (slopes[:128] @ looks.coordinates(drawn[-1])).astype(np.float32)
        values = {"age": float(generator.attributes.scores(drawn[-1][None])[0, 0])}
        return Look(values, who, np.zeros(956, np.float32), np.zeros(0, np.float32))

    monkeypatch.setattr(generator.engine, "synthesize", synthesize)
    monkeypatch.setattr(survey, "look", look)
    return looks


def test_a_person_who_drifted_away_is_brought_back(
    drifting: LookModel, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drift(ws: NDArray[np.float32]) -> float:
        step = drifting.coordinates(ws.mean(0)) - drifting.coordinates(generator.w(5).mean(0))
        return float(np.linalg.norm(drifting.slopes[:128] @ step))

    monkeypatch.setattr(editing, "_looks_of", lambda generator: None)
    lost = generator.edit(5, {"age": +10}, checked=True)
    monkeypatch.setattr(editing, "_looks_of", lambda generator: drifting)
    kept = generator.edit(5, {"age": +10}, checked=True)
    assert drift(lost.ws) > threshold(0.001)
    assert drift(kept.ws) < threshold(0.001)
    assert kept.after["age"] - kept.before["age"] == pytest.approx(10, abs=0.5)
    assert kept.length > lost.length


def test_people_are_not_held_by_what_was_fitted_for_other_weights(generator: Generator) -> None:
    assert editing._looks_of(generator) is None
