"""Engines run a model. They all look like `Engine`; which one runs is nobody else's business."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nobodies.models.native import Model
from nobodies.settings import EngineSettings, Noise

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One picture to make."""

    ws: Array
    """Style codes, [L, W]."""
    noise_maps: Sequence[Array] | None = None
    """Standard normal maps, one a layer that takes noise, [size, size] each; for noise "seeded" only."""
    tag: Any = None
    """Whatever the caller wants to have back with the picture."""


class Engine(Protocol):
    """Runs the two halves of a generator: mapping and synthesis."""

    @property
    def z_dim(self) -> int:
        """Length of a latent code, Z."""

    @property
    def w_dim(self) -> int:
        """Length of a style code, W."""

    @property
    def num_ws(self) -> int:
        """Number of modulated layers, L."""

    @property
    def resolution(self) -> int:
        """Side of the pictures in pixels, R."""

    @property
    def noise_sizes_px(self) -> Sequence[int]:
        """Side of the noise map of each layer that takes noise."""

    @property
    def precision(self) -> str:
        """The arithmetic in use: "bf16" or "f32"."""

    def map(self, z: Array, *, label: int | None = None) -> Array:
        """Map latent codes [N, Z] of one class, if there are any, to style codes [N, W], each row by itself."""

    def synthesize(self, ws: Array, *, noise: Noise = "stored", noise_maps: Sequence[Array] | None = None) -> Pixels:
        """Draw the pictures [N, R, R, 3] of style codes [N, L, W]. A picture does not depend on its neighbours."""

    def synthesize_float(
        self, ws: Array, *, noise: Noise = "stored", noise_maps: Sequence[Array] | None = None
    ) -> Array:
        """Draw pictures as the network gives them: [N, 3, R, R], about -1 to 1."""

    def stream(self, jobs: Iterable[Job], *, noise: Noise = "stored") -> Iterator[tuple[Job, Pixels]]:
        """Draw one picture [R, R, 3] a job, in order, while the next few are already being worked on."""


def open_engine(model: Model, settings: EngineSettings, *, compiled_folder: Path | None) -> Engine:
    """Make a model ready to run.

    Args:
        model: its weights.
        settings: precision, threads, streams.
        compiled_folder: where compiled models may be kept for a quick start, or None.

    Raises:
        WeightsError: the weights do not fit the architecture that the model declares.
    """
    from nobodies.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(model, settings, compiled_folder=compiled_folder)
