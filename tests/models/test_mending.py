"""Mends: tensors that come to weights with a fault."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nobodies.errors import WeightsError
from nobodies.models import Description, Model, Store, mending
from nobodies.models.architectures.grid import TENSOR
from nobodies.models.mending import mended
from nobodies.settings import DEFAULT_MODEL

SHA256 = "ab" * 32


@pytest.fixture
def model() -> Model:
    described = Description("faulty", "a model for tests", {}, "the tests", (), SHA256)
    return Model(described, {"a": np.ones(3, np.float32), "b": np.zeros(2, np.float32)})


@pytest.fixture
def mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mend for that model, in the place of those shipped."""
    path = tmp_path / "mends" / "faulty.safetensors"
    path.parent.mkdir()
    path.write_bytes(mending.to_bytes({"c": np.array([1, 0, -1], np.float32)}, SHA256))
    monkeypatch.setattr(mending, "_MENDS", {SHA256: path.name})
    monkeypatch.setattr(mending, "files", lambda package: tmp_path)
    mending._read.cache_clear()
    monkeypatch.setattr(mending, "_read", mending._read.__wrapped__)
    return path


@pytest.mark.usefixtures("mend")
def test_its_tensors_come_to_the_others(model: Model) -> None:
    whole = mended(model)
    assert whole.tensors["c"].tolist() == [1, 0, -1]
    assert whole.tensors["a"] is model.tensors["a"]
    assert "c" not in model.tensors
    assert whole.description == model.description


@pytest.mark.usefixtures("mend")
def test_it_draws_other_pictures_of_the_same_faces(model: Model) -> None:
    whole = mended(model)
    assert whole.origin == model.origin == model.fingerprint == SHA256[:16]
    assert whole.fingerprint != model.fingerprint


def test_another_mend_is_another_fingerprint(model: Model, mend: Path) -> None:
    first = mended(model).fingerprint
    assert mended(model).fingerprint == first
    mend.write_bytes(mending.to_bytes({"c": np.array([1, 0, 0], np.float32)}, SHA256))
    assert mended(model).fingerprint != first


@pytest.mark.usefixtures("mend")
def test_nothing_is_mended_twice_or_without_need(model: Model) -> None:
    whole = mended(model)
    assert mended(whole) is whole
    other = Model(replace(model.description, weights_sha256="cd" * 32), model.tensors)
    assert mended(other) is other


@pytest.mark.parametrize("content", [None, b"", b"no safetensors", b"\xff" * 64])
def test_a_damaged_installation_is_one_line(model: Model, mend: Path, content: bytes | None) -> None:
    mend.unlink() if content is None else mend.write_bytes(content)
    with pytest.raises(WeightsError, match="install nobodies again"):
        mended(model)


def test_a_mend_for_other_weights_is_refused(model: Model, mend: Path) -> None:
    mend.write_bytes(mending.to_bytes({"c": np.zeros(3, np.float32)}, "00" * 32))
    with pytest.raises(WeightsError, match="install nobodies again"):
        mended(model)


def test_the_default_model_comes_mended_or_as_shipped(user_store: Store, default_model: Model) -> None:
    shipped = user_store.load(DEFAULT_MODEL, as_shipped=True)
    assert shipped.fingerprint == shipped.origin == default_model.origin != default_model.fingerprint
    assert default_model.tensors.keys() - shipped.tensors.keys() == {TENSOR}
    assert all(np.array_equal(default_model.tensors[name], tensor) for name, tensor in shipped.tensors.items())
    assert default_model.tensors[TENSOR].std() * 127.5 < 2
