import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.errors import ShapeError
from nobodies.latents.attributes import AttributeModel, Card, Fit
from nobodies.latents.identity import holding_step
from nobodies.latents.looks import PARTS, LookModel

Float = NDArray[np.float64]
WIDTH, NUM_LOOKS = 24, sum(PARTS.values())


def looks() -> LookModel:
    """Give a world in which everything about a look is a line in w."""
    random = np.random.default_rng(3)
    bases = {f"{name}_{what}": np.zeros((1, 1)) for name in ("mesh", "features") for what in ("mean", "basis")}
    arrays = {
        "w_mean": np.zeros(WIDTH),
        "components": np.linalg.qr(random.normal(size=(WIDTH, WIDTH)))[0] * np.linspace(0.2, 1, WIDTH)[:, None],
        "slopes": random.normal(size=(NUM_LOOKS, WIDTH)) * 0.05,
        "centre": np.zeros(NUM_LOOKS),
        "noise": np.ones(NUM_LOOKS),
    }
    return LookModel("world", arrays | bases)


def attributes(*, twice: bool = False) -> AttributeModel:
    """Give three attributes of it; two of them the same, if `twice`."""
    weights = np.random.default_rng(4).normal(size=(3, WIDTH))
    if twice:
        weights[1] = weights[0]
    names, sure = ["age", "yaw", "pitch"], np.full(3, np.nan)
    arrays = {
        "weights": weights,
        "intercepts": np.zeros(3),
        "w_mean": np.zeros(WIDTH),
        "components": np.eye(WIDTH),
        "floor": np.array(1e-3),
        "sure_yes": sure,
        "sure_no": sure,
    }
    fits = {name: Fit("nobody", 0.0, 1.0, 1.0, 0.0) for name in names}
    return AttributeModel(
        Card("world", "world", 0, 0, fits, {}), {n: a.astype(np.float32) for n, a in arrays.items()}
    )


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_a_drift_is_undone_and_the_attributes_stay(seed: int, twice: bool) -> None:
    world, model = looks(), attributes(twice=twice)
    drift = world.slopes[:128] @ np.random.default_rng(seed).normal(size=WIDTH)
    step = holding_step(world, model, drift.astype(np.float32))
    assert model.weights @ (step @ world.components) == pytest.approx(np.zeros(3), abs=1e-4)
    assert np.linalg.norm(drift + world.slopes[:128] @ step) < 0.6 * np.linalg.norm(drift)


def test_no_other_step_is_better() -> None:
    world, model = looks(), attributes()
    drift = np.random.default_rng(9).normal(size=128).astype(np.float32) * 0.05
    slopes, rows = world.slopes[:128] / 0.07, model.weights.astype(float) @ world.components.T
    free = np.linalg.svd(rows)[2][3:]  # directions in which no attribute moves

    def cost(step: Float) -> float:
        return float(step @ step + np.square(slopes @ step + drift / 0.07).sum())

    step = holding_step(world, model, drift)
    random = np.random.default_rng(10)
    assert all(cost(step) < cost(step + 0.01 * random.normal(size=len(free)) @ free) for _ in range(20))


def test_who_nobody_strayed_from_is_left_alone() -> None:
    assert not holding_step(looks(), attributes(), np.zeros(128, np.float32)).any()


def test_a_drift_has_the_size_of_an_embedding() -> None:
    with pytest.raises(ShapeError, match="128 numbers"):
        holding_step(looks(), attributes(), np.zeros(12, np.float32))
