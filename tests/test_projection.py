from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies import projection
from nobodies.errors import DependencyError, ModelError, SettingError
from nobodies.generator import Generator
from nobodies.latents.looks import LookModel, fit_looks
from nobodies.projection import project
from nobodies.refining import Refined
from tests.conftest import NumpyEngine, tiny_model

Float = NDArray[np.float64]


@cache
def lines(size: int) -> Float:
    return np.random.default_rng(size).normal(size=(3 * 16 * 16, size)) / 30


def parts_of(picture: NDArray[np.uint8]) -> dict[str, Float]:
    """A stand-in for the vision nets: fixed projections of a coarse picture."""
    small = picture[::2, ::2].astype(np.float64).ravel() / 255
    return {name: small @ lines(size) for name, size in (("embedding", 128), ("mesh", 956), ("features", 1280))}


@cache
def learned() -> LookModel:
    """How looks depend on codes of the tiny generator."""
    w = np.random.default_rng(1).normal(size=(500, 8)) * 0.4 + 0.5
    generator = Generator(tiny_model(), NumpyEngine())
    seen = [parts_of(picture) for picture in generator.engine.synthesize(generator.conform(w))]
    stacked = {name: np.stack([each[name] for each in seen]) for name in seen[0]}
    return fit_looks(w, **stacked, spread_w=w, weights=generator.model.fingerprint)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> LookModel:
    """Looks of the tiny generator, in the place of those shipped."""
    model = learned()
    monkeypatch.setattr("nobodies.latents.looks._shipped", lambda name: model)
    monkeypatch.setattr(projection, "look_of", lambda looks, pixels: looks.look(**parts_of(pixels)))
    return model


def test_a_generated_face_is_found_again_closer_and_closer(generator: Generator, looks: LookModel) -> None:
    face = generator.face(77, psi=0.8)
    found = list(project(generator, face.pixels, most_faces=40))
    assert found[0].number == 1
    assert len(found) > 1
    assert found[-1].distance < 0.6 * found[0].distance
    again = generator.face(w=found[-1].w)
    first = generator.face(w=found[0].w)
    error = [np.abs(each.pixels.astype(int) - face.pixels.astype(int)).mean() for each in (first, again)]
    assert error[1] < error[0]


def test_without_time_there_is_a_first_answer(generator: Generator, looks: LookModel) -> None:
    assert [each.number for each in project(generator, generator.face(5).pixels, limit_s=0)] == [1]


def test_the_search_ends_when_time_is_over(generator: Generator, looks: LookModel) -> None:
    hours = iter(range(1000))
    found = list(project(generator, generator.face(5).pixels, limit_s=10, clock=lambda: float(next(hours))))
    assert found[-1].number <= 11


def test_limits_out_of_range_are_refused(generator: Generator, looks: LookModel) -> None:
    for options in ({"limit_s": -1.0}, {"limit_s": 1e9}, {"limit_s": float("nan")}, {"most_faces": 0}):
        with pytest.raises(SettingError):
            list(project(generator, generator.face(5).pixels, **options))


def test_looks_of_other_weights_are_refused(
    generator: Generator, looks: LookModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "weights", "those of another model")
    with pytest.raises(ModelError, match="other weights of tiny"):
        list(project(generator, generator.face(5).pixels))


def gradient_steps(ws_of: Callable[[int], Float], *, count: int) -> Callable[..., Iterator[Refined]]:
    """A stand-in for the search along gradients: losses that rise at the end."""

    def refine(*_: object, progress: Callable[[], float], per_layer: bool) -> Iterator[Refined]:
        for number in range(1, count + 1):
            if progress() >= 1:
                return
            ws = ws_of(number) if per_layer else np.repeat(ws_of(number)[:1], 5, 0)
            yield Refined(ws.astype(np.float32), 1 / number if number < count else 9.0, number)

    return refine


@pytest.mark.parametrize("method", ["gradient", "layers"])
def test_gradients_give_the_face_of_least_loss(
    generator: Generator, looks: LookModel, monkeypatch: pytest.MonkeyPatch, method: projection.Method
) -> None:
    codes = np.random.default_rng(2).normal(size=(40, 5, 8))
    monkeypatch.setattr(projection, "refine_by_gradient", gradient_steps(lambda number: codes[number], count=25))
    found = list(project(generator, generator.face(5).pixels, limit_s=100, method=method))
    assert [each.number for each in found] == [0, 10, 20]
    assert found[-1].w.shape == (5, 8)
    assert (np.ptp(found[-1].w, axis=0).max() > 0) == (method == "layers")


def test_steps_along_gradients_are_bounded(
    generator: Generator, looks: LookModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = gradient_steps(lambda number: np.zeros((5, 8)), count=10**6)
    monkeypatch.setattr(projection, "refine_by_gradient", endless)
    pixels = generator.face(5).pixels
    found = list(project(generator, pixels, limit_s=100, most_faces=12, method="layers"))
    assert found[-1].number == 12
    hours = iter(range(1000))
    found = list(project(generator, pixels, limit_s=10, method="layers", clock=lambda: float(next(hours))))
    assert found[-1].number <= 11
    assert [each.number for each in project(generator, pixels, limit_s=0, method="layers")] == [0]


def test_gradients_without_torch_are_refused(
    generator: Generator, looks: LookModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise DependencyError("no torch")

    monkeypatch.setattr(projection, "require_torch", missing)
    pixels = generator.face(5).pixels
    with pytest.raises(DependencyError):
        next(project(generator, pixels, method="layers"))
    assert next(project(generator, pixels)).number == 1
