"""What all tests share: a cache folder of their own, a tiny model, and an engine made of numpy."""

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.bench import unpack_shipped
from nobodies.engines import Job
from nobodies.generator import Generator
from nobodies.models import Description, LicenceLink, Model
from nobodies.models.store import Store
from nobodies.settings import DEFAULT_MODEL, Noise, environment

USER_CACHE = environment(os.environ).cache_dir


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep tests out of the user's folders."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("NOBODIES_CACHE", str(cache))
    monkeypatch.setenv("NOBODIES_DATA", str(tmp_path_factory.mktemp("data")))
    return cache


@pytest.fixture(autouse=True)
def signals_put_back() -> Iterator[None]:
    """Find whoever answers Ctrl-C or a request to end, and forgets to stop doing so.

    A shell that starts the tests in the background has them ignore Ctrl-C, which is put right first.
    """
    kinds = (signal.SIGINT, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = [signal.getsignal(kind) for kind in kinds]
    yield
    after = [signal.getsignal(kind) for kind in kinds]
    for kind, handler in zip(kinds, before, strict=True):
        signal.signal(kind, handler)
    assert after == before


@pytest.fixture(scope="session")
def user_store() -> Store:
    """The user's own cache, for tests on the real model: fetched once, then shared."""
    return Store(USER_CACHE)


@pytest.fixture(scope="session")
def default_model(user_store: Store) -> Model:
    """The real weights of the default model."""
    return user_store.load(DEFAULT_MODEL)


@pytest.fixture(scope="session")
def shipped_model(user_store: Store) -> Model:
    """The same with the faults that it was shipped with."""
    return user_store.load(DEFAULT_MODEL, as_shipped=True)


@pytest.fixture(scope="session")
def shipped_folder(user_store: Store, shipped_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the graphs of the default model as their author shipped them."""
    folder = unpack_shipped(user_store, shipped_model.name, tmp_path_factory.mktemp("shipped"))
    assert folder is not None, "the download is kept beside the model it was converted to"
    return folder


class NumpyEngine:
    """An engine small enough to reason about: pictures are smooth functions of their codes."""

    z_dim = 8
    w_dim = 8
    num_ws = 5
    resolution = 32
    noise_sizes_px = (4, 8)
    precision = "f32"

    def map(self, z: NDArray[np.float32], *, label: int | None = None) -> NDArray[np.float32]:
        return np.tanh(z) + np.float32(0.5)

    def synthesize_float(
        self,
        ws: NDArray[np.float32],
        *,
        noise: Noise = "stored",
        noise_maps: Sequence[NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float32]:
        return np.stack([self._draw(each, noise, noise_maps) for each in ws])

    def synthesize(
        self,
        ws: NDArray[np.float32],
        *,
        noise: Noise = "stored",
        noise_maps: Sequence[NDArray[np.float32]] | None = None,
    ) -> NDArray[np.uint8]:
        pictures = self.synthesize_float(ws, noise=noise, noise_maps=noise_maps)
        clipped: NDArray[np.float32] = np.clip(pictures * 127.5 + 128, 0, 255)
        return clipped.astype(np.uint8).transpose(0, 2, 3, 1)

    def stream(self, jobs: Iterable[Job], *, noise: Noise = "stored") -> Iterator[tuple[Job, NDArray[np.uint8]]]:
        for job in jobs:
            yield job, self.synthesize(job.ws[None], noise=noise, noise_maps=job.noise_maps)[0]

    def _draw(
        self, ws: NDArray[np.float32], noise: Noise, noise_maps: Sequence[NDArray[np.float32]] | None
    ) -> NDArray[np.float32]:
        angle = np.linspace(0, np.pi, self.resolution, dtype=np.float32)
        rows = np.sin(angle[:, None] * np.arange(1, 9)) @ ws.mean(0)
        columns = np.cos(angle[:, None] * np.arange(1, 9)) @ ws[-1]
        grain = {"none": 0.0, "stored": 0.01, "seeded": 0.0}[noise]
        if noise_maps is not None:
            grain = float(noise_maps[0][0, 0])
        plane = np.outer(rows, columns) / 8 + np.float32(grain)
        return np.stack([plane, plane.T, -plane])


def tiny_model() -> Model:
    """Give a model that fits `NumpyEngine`."""
    description = Description(
        name="tiny",
        title="a model for tests",
        network={"architecture": "numpy"},
        source="the tests",
        licence_chain=(LicenceLink("the numbers", "nobody", "CC0"),),
        weights_sha256="0123456789abcdef" * 4,
    )
    return Model(description, {"mapping.w_avg": np.full(8, 0.5, np.float32)})


@pytest.fixture
def generator() -> Generator:
    """A generator that draws in no time."""
    return Generator(tiny_model(), NumpyEngine())
