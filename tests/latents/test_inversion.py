import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.errors import ModelError, SettingError, ShapeError, WeightsError
from nobodies.latents.inversion import refine
from nobodies.latents.looks import PARTS, LookModel, fit_looks

Float = NDArray[np.float64]
WIDTH, SIZES = 20, {"embedding": 128, "mesh": 956, "features": 1280}


def codes(count: int, seed: int) -> Float:
    return 0.3 + np.random.default_rng(seed).normal(size=(count, WIDTH)) * np.linspace(0.2, 1.0, WIDTH)


def measured(w: Float, bend: float) -> dict[str, Float]:
    """A world whose looks are lines in w, bent by so much."""
    random = np.random.default_rng(8)
    parts = {}
    for name, size in SIZES.items():
        line = w @ random.normal(size=(WIDTH, size)) * 0.1
        parts[name] = line + bend * np.sin(3 * line)
    return parts


def model_of(bend: float) -> LookModel:
    w = codes(900, 1)
    return fit_looks(w, **measured(w, bend), spread_w=codes(4000, 2), weights="world")


def test_in_a_straight_world_the_first_answer_is_nearly_right() -> None:
    model = model_of(0.0)
    w = codes(1, 5)[0]
    found = model.most_probable(model.look(**measured(w, 0.0)))
    assert np.linalg.norm(found - w) < 0.25 * np.linalg.norm(w - model.w_mean)


def test_in_a_bent_world_corrections_come_closer_and_closer() -> None:
    model, w = model_of(0.2), codes(1, 5)[0]
    wanted = model.look(**measured(w, 0.2))
    asked: list[Float] = []

    def measure(code: Float) -> Float:
        asked.append(code)
        return model.look(**measured(code, 0.2))

    guesses = list(refine(model, wanted, measure, most_looks=30))
    losses = [guess.loss for guess in guesses]
    assert losses == sorted(losses, reverse=True)
    assert len(asked) == 30
    assert losses[-1] < 0.2 * losses[0]
    assert np.linalg.norm(guesses[-1].w - w) < 0.6 * np.linalg.norm(guesses[0].w - w)
    assert guesses[-1].look == pytest.approx(model.look(**measured(guesses[-1].w, 0.2)))


def test_codes_that_show_no_face_are_stepped_back_from() -> None:
    model, w = model_of(0.2), codes(1, 6)[0]
    wanted = model.look(**measured(w, 0.2))
    turns = iter(range(100))

    def measure(code: Float) -> Float | None:
        return None if next(turns) % 3 == 1 else model.look(**measured(code, 0.2))

    assert len(list(refine(model, wanted, measure, most_looks=20))) > 1
    assert list(refine(model, wanted, lambda code: None, most_looks=20)) == []


def test_time_can_run_out() -> None:
    model = model_of(0.2)
    wanted = model.look(**measured(codes(1, 6)[0], 0.2))
    guesses = refine(model, wanted, lambda code: model.centre, most_looks=20, may_go_on=lambda: False)
    assert [guess.number for guess in guesses] == [1]


def test_coordinates_and_codes_undo_each_other() -> None:
    model = model_of(0.0)
    w = codes(4, 7)
    assert model.code(model.coordinates(w)) == pytest.approx(w, abs=1e-6)
    assert np.abs(model.coordinates(codes(2000, 9)).std(0) - 1).max() < 0.1


def test_what_is_written_reads_back() -> None:
    model = model_of(0.1)
    again = LookModel.from_bytes(model.to_bytes())
    look = model.look(**measured(codes(1, 5)[0], 0.1))
    assert again.weights == "world"
    assert again.most_probable(look) == pytest.approx(model.most_probable(look), abs=0.05)


def test_damage_and_wrong_sizes_are_noticed() -> None:
    model = model_of(0.1)
    for damaged in (b"", model.to_bytes()[:-9], b"\xff" * 100):
        with pytest.raises(WeightsError, match="no model of looks"):
            LookModel.from_bytes(damaged)
    with pytest.raises(WeightsError, match="damaged"):
        LookModel("world", model.arrays | {"noise": model.noise[:-1]})
    with pytest.raises(ShapeError, match=f"a look has {sum(PARTS.values())} numbers"):
        model.most_probable(np.zeros(3))
    with pytest.raises(ModelError, match="cannot be looked for"):
        LookModel.load("tiny", "none")
    with pytest.raises(SettingError, match="too few"):
        fit_looks(codes(20, 1), **measured(codes(20, 1), 0), spread_w=codes(50, 2), weights="")
