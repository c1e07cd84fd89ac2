"""Refining by gradients, on a small network of the default model's kind."""

import builtins
from dataclasses import replace

import numpy as np
import pytest

from nobodies import refining
from nobodies.errors import DependencyError, ModelError
from nobodies.latents.looks import LookModel
from nobodies.models import Model
from nobodies.models.architectures.mobile_stylegan import Architecture, describe
from nobodies.networks.efficientnet import Features
from nobodies.networks.mobile import load_mobile
from nobodies.refining import refine_by_gradient, require_torch
from tests.conftest import tiny_model
from tests.networks.test_efficientnet import tensors as feature_tensors

SMALL = Architecture(
    z_dim=6, w_dim=6, num_mapping_layers=2, resolution=32, channels={4: 16, 8: 16, 16: 8}, lrelu_slope=0.2
)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A small student with weights made up, and perceptual features likewise."""
    random = np.random.default_rng(0)
    tensors = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in SMALL.tensor_shapes()}
    features = Features(feature_tensors())
    monkeypatch.setattr(refining, "_features", lambda: features)
    return Model(replace(tiny_model().description, network=describe(SMALL)), tensors)


@pytest.fixture(scope="module")
def looks() -> LookModel:
    """Principal components of a world in which codes are standard normal; the rest is not used here."""
    arrays = {"w_mean": np.zeros(6), "components": np.eye(6), "slopes": np.zeros((368, 6)), "centre": np.zeros(368)}
    bases = {f"{part}_{what}": np.zeros(1) for part in ("mesh", "features") for what in ("mean", "basis")}
    return LookModel("weights", {**arrays, "noise": np.ones(368), **bases})


def drawn(model: Model, ws: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        picture = load_mobile(model.description.network, model.tensors).synthesis(torch.tensor(ws)[None])[0]
    return np.asarray((picture.permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)


def steps(count: int):  # type: ignore[no-untyped-def]
    """Progress in a fixed number of steps."""
    shares = iter(np.arange(count + 1) / count)
    return lambda: float(next(shares))


@pytest.mark.parametrize("per_layer", [True, False])
def test_the_face_comes_closer(model: Model, looks: LookModel, per_layer: bool) -> None:
    random = np.random.default_rng(3)
    target = np.repeat(random.normal(size=(1, 6)).astype(np.float32), SMALL.num_ws, 0)
    start = (target[0] + 0.6 * random.normal(size=6)).astype(np.float32)
    found = list(
        refine_by_gradient(model, looks, start, drawn(model, target), progress=steps(40), per_layer=per_layer)
    )
    assert [each.number for each in found] == list(range(1, 41))
    assert min(each.loss for each in found) < 0.9 * found[0].loss
    last = found[-1].ws
    assert last.shape == (SMALL.num_ws, 6)
    assert (np.ptp(last, axis=0).max() > 1e-3) == per_layer
    begin, end = (
        np.abs(drawn(model, ws).astype(float) - drawn(model, target)).mean()
        for ws in (np.repeat(start[None], SMALL.num_ws, 0), last)
    )
    assert end < begin


def test_it_begins_where_it_is_told_and_ends_in_time(model: Model, looks: LookModel) -> None:
    start = np.random.default_rng(4).normal(size=6).astype(np.float32)
    picture = drawn(model, np.zeros((SMALL.num_ws, 6), np.float32))
    found = list(refine_by_gradient(model, looks, start, picture, progress=steps(1)))
    assert len(found) == 1
    assert found[0].ws == pytest.approx(np.repeat(start[None], SMALL.num_ws, 0), abs=1e-5)
    assert not list(refine_by_gradient(model, looks, start, picture, progress=lambda: 1.0))


def test_other_architectures_are_refused(looks: LookModel) -> None:
    with pytest.raises(ModelError, match="gradients are known for mobile-stylegan"):
        next(refine_by_gradient(tiny_model(), looks, np.zeros(8), np.zeros((8, 8, 3), np.uint8), progress=steps(1)))


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: object, **options: object) -> object:
        if name == "torch":
            raise ImportError(name)
        return real(name, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyError, match=r"pip install 'nobodies\[train\]'"):
        require_torch()
