"""`OpenVinoEngine`: style codes in, pictures out, several at once and in order.

Every picture is drawn by a request of its own, at batch 1. Styles are put on the kernels of depthwise convolutions,
which therefore differ from face to face and could not be shared by a batch. Nor would a batch gain anything: one
picture keeps all cores busy, and the shipped graph takes no less time a face at batch 2, 4 or 8 than alone (see
docs/log/engine.md). It would cost memory in proportion and tie a picture's last bits to how many neighbours it has.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from nobodies.engines import Job
from nobodies.engines.mapping import MappingNetwork
from nobodies.engines.openvino import compiling
from nobodies.engines.openvino.cuts import Cuts, Output
from nobodies.engines.openvino.graphs import Graphs, graphs_of
from nobodies.engines.openvino.running import Pair, Runner
from nobodies.errors import SettingError, ShapeError
from nobodies.models import architectures
from nobodies.models.native import Model
from nobodies.settings import EngineSettings, Noise

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class OpenVinoEngine:
    """Runs generators on the CPU. May be shared by several threads."""

    def __init__(
        self,
        model: Model,
        settings: EngineSettings,
        *,
        compiled_folder: Path | None = None,
        cuts: Cuts | None = None,
    ) -> None:
        """Check that the weights fit. The graph is compiled when the first picture is asked for.

        Args:
            model: description and weights.
            settings: precision, threads, streams.
            compiled_folder: where compiled graphs may be kept, or None.
            cuts: where the network is cut into coarse and fine, and into strips.

        Raises:
            WeightsError: the weights do not fit the architecture that the model declares.
            SettingError: the processor or OpenVINO cannot do what the settings say.
        """
        self._model = model
        self._architecture = architectures.read(model.description.network)
        architectures.check_tensors(self._architecture, model.tensors)
        self._graphs = graphs_of(self._architecture, model.tensors, cuts or Cuts())
        self._precision = compiling.choose_precision(settings)
        self._options = compiling.options(settings)
        self._compiled_folder = compiled_folder
        self._mapping = MappingNetwork(self._architecture, model.tensors)
        self._noise = _NoiseMaps(self._graphs)
        self._coarse: openvino.CompiledModel | None = None
        self._runners: dict[Output, Runner] = {}
        self._lock = Lock()

    @property
    def z_dim(self) -> int:
        """Length of a latent code, Z."""
        return self._architecture.z_dim

    @property
    def w_dim(self) -> int:
        """Length of a style code, W."""
        return self._architecture.w_dim

    @property
    def num_ws(self) -> int:
        """Number of modulated layers, L."""
        return self._architecture.num_ws

    @property
    def resolution(self) -> int:
        """Side of the pictures in pixels, R."""
        return self._architecture.resolution

    @property
    def noise_sizes_px(self) -> Sequence[int]:
        """Side of the noise map of each layer that takes noise."""
        return tuple(size for _, size in self._architecture.noise_layers)

    @property
    def precision(self) -> str:
        """The arithmetic in use: "bf16" or "f32"."""
        return self._precision

    def map(self, z: Array, *, label: int | None = None) -> Array:
        """Map latent codes [N, Z] to style codes [N, W]. A row does not depend on its neighbours.

        Args:
            z: latent codes.
            label: class of all of them; None for a model without classes.

        Raises:
            ShapeError: `z` is not [N, Z].
            SettingError: the model wants a class and there is none, or the other way round.
        """
        return self._mapping(z, label=label)

    def synthesize(self, ws: Array, *, noise: Noise = "stored", noise_maps: Sequence[Array] | None = None) -> Pixels:
        """Draw pictures, each as it would be drawn alone.

        Args:
            ws: style codes, [N, L, W].
            noise: "stored" adds the maps that the model came with, "none" adds none, "seeded" those given.
            noise_maps: for "seeded", standard normal maps [size, size], one for each of `noise_sizes_px`; they are
                scaled to the strength of the stored ones.

        Returns:
            [N, R, R, 3], RGB.

        Raises:
            ShapeError: codes or maps do not fit the model.
            SettingError: maps are missing, or given where they are not used.
        """
        return self._draw_all("uint8", ws, noise, noise_maps)

    def synthesize_float(
        self, ws: Array, *, noise: Noise = "stored", noise_maps: Sequence[Array] | None = None
    ) -> Array:
        """Draw pictures as the network gives them: [N, 3, R, R], about -1 to 1. Otherwise like `synthesize`."""
        return self._draw_all("float32", ws, noise, noise_maps)

    def stream(self, jobs: Iterable[Job], *, noise: Noise = "stored") -> Iterator[tuple[Job, Pixels]]:
        """Draw one picture a job, in order, while the next few are already being worked on.

        Closing the iterator early, or an error in it, waits for what is being drawn and leaves nothing behind.

        Args:
            jobs: taken one by one, never more than a few ahead.
            noise: as for `synthesize`.

        Yields:
            Each job with its picture [R, R, 3].

        Raises:
            ShapeError: codes or maps of a job do not fit the model.
            SettingError: maps are missing, or given where they are not used.
        """
        for job, picture in self._draw("uint8", jobs, noise):
            yield job, picture[0]

    def _draw_all(self, output: Output, ws: Array, noise: Noise, maps: Sequence[Array] | None) -> NDArray[Any]:
        if ws.ndim != 3 or not len(ws):
            raise ShapeError(f"ws is {list(ws.shape)}: it must be [N, {self.num_ws}, {self.w_dim}] with N at least 1")
        jobs = (Job(codes, maps) for codes in ws)
        return np.concatenate([picture for _, picture in self._draw(output, jobs, noise)])

    def _draw(self, output: Output, jobs: Iterable[Job], noise: Noise) -> Iterator[tuple[Job, NDArray[Any]]]:
        runner = self._runner(output)
        flights: deque[tuple[Job, Pair]] = deque()
        try:
            for job in jobs:
                flights.append((job, runner.start(*self._inputs(job, noise))))
                if len(flights) > runner.num_ahead:
                    job, pair = flights.popleft()
                    yield job, runner.land(pair)
            while flights:
                job, pair = flights.popleft()
                yield job, runner.land(pair)
        finally:
            for _, pair in flights:
                runner.land(pair)

    def _inputs(self, job: Job, noise: Noise) -> tuple[list[Array], list[Array]]:
        """Give the inputs of the coarse graph, and those of the fine one that the coarse one does not make."""
        if job.ws.shape != (self.num_ws, self.w_dim):
            raise ShapeError(
                f"ws is {list(job.ws.shape)}: this model takes one code a layer, [{self.num_ws}, {self.w_dim}]"
            )
        maps = self._noise.chosen(noise, job.noise_maps)
        codes = np.ascontiguousarray(job.ws, np.float32)
        return [codes, *maps[: self._graphs.num_coarse_maps]], maps[self._graphs.num_coarse_maps :]

    def _runner(self, output: Output) -> Runner:
        with self._lock:
            if self._coarse is None:
                self._coarse = self._compiled("coarse", "f32", self._graphs.build_coarse)
            if output not in self._runners:
                fine = self._compiled(f"fine-{output}", self._precision, lambda: self._graphs.build_fine(output))
                self._runners[output] = Runner(self._coarse, fine)
            return self._runners[output]

    def _compiled(
        self, part: str, precision: compiling.Arithmetic, build: Callable[[], openvino.Model]
    ) -> openvino.CompiledModel:
        kept = None
        if self._compiled_folder is not None:
            name = f"{self._model.name}-{part}-{precision}"
            origin = f"{self._model.fingerprint} {part} {precision} {self._graphs.cuts}"
            kept = compiling.Kept(self._compiled_folder, name, origin)
        return compiling.compiled(build, self._options | {"INFERENCE_PRECISION_HINT": precision}, kept)


class _NoiseMaps:
    """What is added at each layer that takes noise, as inputs [1, 1, R, R] of the graph."""

    def __init__(self, graphs: Graphs) -> None:
        noise = graphs.noise()
        self._sizes_px = [len(stored) for stored, _ in noise]
        self._stored = [_as_input(stored) for stored, _ in noise]
        self._zeros = [np.zeros_like(each) for each in self._stored]
        self._strengths = [strength for _, strength in noise]

    def chosen(self, noise: Noise, maps: Sequence[Array] | None) -> list[Array]:
        """Give the maps that a setting means; `maps` are standard normal, for "seeded" only."""
        if noise != "seeded":
            if maps is not None:
                raise SettingError(f"noise is {noise!r}: maps are used with 'seeded' only; leave them out")
            return self._stored if noise == "stored" else self._zeros
        if maps is None:
            raise SettingError("noise is 'seeded' and there are no maps: give one a layer that takes noise")
        wanted = [(size, size) for size in self._sizes_px]
        if [each.shape for each in maps] != wanted:
            raise ShapeError(
                f"noise maps are {[list(each.shape) for each in maps]}: this model takes sides {self._sizes_px}"
            )
        return [_as_input(strength * each) for strength, each in zip(self._strengths, maps, strict=True)]


def _as_input(noise: Array) -> Array:
    return np.ascontiguousarray(noise[None, None], np.float32)
