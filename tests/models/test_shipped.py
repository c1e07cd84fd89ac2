"""Models that come with nobodies: there without a fetch, whole, and not to be changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nobodies import Generator
from nobodies.errors import ModelError
from nobodies.models import Store, native
from nobodies.models.catalogue import MINI_FACES, SHIPPED, find
from nobodies.settings import DEFAULT_MODEL


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_there_and_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    store = Store()
    assert store.verify(name).name == store.load(name).name == name
    (entry,) = (each for each in store.entries() if each.name == name)
    assert entry.ready
    assert entry.in_catalogue
    assert 0 < entry.size_bytes < 5_000_000
    assert not (store.folder / "models").exists()


def test_its_licence_chain_ends_as_that_of_the_model_that_drew_its_pictures() -> None:
    chain = Store().describe(MINI_FACES).licence_chain
    theirs = find(DEFAULT_MODEL).licence_chain
    assert chain[-len(theirs) :] == theirs
    assert len(chain) == len(theirs) + 2


def test_it_stays_as_it_is(tmp_path: Path) -> None:
    store = Store()
    model = store.load(MINI_FACES)
    with pytest.raises(ModelError, match="comes with nobodies"):
        store.remove(MINI_FACES)
    with pytest.raises(ModelError, match="comes with nobodies"):
        store.put(model)
    native.save(replace(model, description=replace(model.description, name="mine")), tmp_path)
    assert store.add(tmp_path).name == "mine"
    assert [each.name for each in store.entries()].count(MINI_FACES) == 1


def test_it_draws_faces_that_differ() -> None:
    first, second = Generator.load(MINI_FACES).faces([1, 2])
    assert first.pixels.shape == second.pixels.shape == (64, 64, 3)
    assert np.abs(first.pixels.astype(int) - second.pixels).mean() > 5
