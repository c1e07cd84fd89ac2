"""From a dataset to the chunks of each step, one step ahead of their use."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from nobodies.training.config import TrainingSettings
from nobodies.training.dataset import PictureDataset
from nobodies.training.phases import Chunk
from nobodies.training.processes import Processes
from nobodies.training.randomness import DataOrder, torch_rng


class ChunkLoader:
    """Gives each step its chunks; what they hold depends on the step alone.

    Args:
        dataset: of real pictures.
        settings: seed, sizes, mirroring.
        processes: whose share to load, and the device to put it on.
    """

    def __init__(self, dataset: PictureDataset, settings: TrainingSettings, processes: Processes) -> None:
        self._dataset, self._settings, self._processes = dataset, settings, processes
        self._order = DataOrder(len(dataset), seed=settings.seed)

    def from_step(self, step: int) -> Generator[list[Chunk], None, None]:
        """Yield the chunks of `step` and of all that follow, decoding one step ahead in a thread."""
        with ThreadPoolExecutor(1, thread_name_prefix="pictures") as pool:
            coming = pool.submit(self.load, step)
            while True:
                chunks = coming.result()
                step += 1
                coming = pool.submit(self.load, step)
                yield chunks

    def load(self, step: int) -> list[Chunk]:
        """Make this process's chunks of a step."""
        return [self._chunk(step, chunk) for chunk in self._processes.own_chunks(self._settings.num_chunks)]

    def _chunk(self, step: int, chunk: int) -> Chunk:
        settings, device = self._settings, self._processes.device
        indices = self._order.indices(step * settings.batch + chunk * settings.chunk, settings.chunk)
        rng = torch_rng(settings.seed, step, chunk, "data")
        real = torch.from_numpy(self._dataset.batch(indices)).float() / 127.5 - 1
        if settings.mirror:
            mirrored = torch.rand(len(indices), generator=rng) < 0.5
            real = torch.where(mirrored[:, None, None, None], real.flip(3), real)
        labels = torch.randint(len(self._dataset), (len(indices),), generator=rng).tolist()
        return Chunk(
            real=real.to(device),
            c_real=_to(self._dataset.one_hot(indices), device),
            c_fake=_to(self._dataset.one_hot(labels), device),
            rng=lambda phase: torch_rng(settings.seed, step, chunk, phase, device=device),
        )


def _to(labels: np.ndarray | None, device: torch.device) -> Tensor | None:
    return None if labels is None else torch.from_numpy(labels).to(device)
