"""One process or many: which device each has, and how they agree.

`torchrun` starts the processes and sets their environment; torch.distributed carries their sums. Lightning Fabric is
left out: the modules it wraps do not support torch.autograd.grad, which R1 and path lengths need, and what would
remain of it are the few lines below.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed

from nobodies.errors import SettingError


@dataclass(frozen=True)
class Processes:
    """This process among all of a run."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and messages."""
        return self.rank == 0

    def own_chunks(self, num_chunks: int) -> list[int]:
        """Which chunks of a batch this process works on.

        Raises:
            SettingError: the chunks cannot be shared evenly.
        """
        if num_chunks % self.count:
            raise SettingError(
                f"{num_chunks} chunks cannot be shared by {self.count} processes: change chunk or batch"
            )
        return list(range(self.rank, num_chunks, self.count))

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one exchange."""
        tensors = list(tensors)
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.reshape(tensor.shape))

    def agree(self, wish: bool) -> bool:
        """Whether any process has this wish."""
        count = torch.tensor(float(wish), device=self.device)
        self.add_up([count])
        return bool(count > 0)

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def join(device: str = "auto") -> Iterator[Processes]:
    """Take this process's place among those that torchrun started, and leave it at the end.

    Args:
        device: "cpu", "cuda", or "auto" for a GPU where there is one.

    Raises:
        SettingError: a GPU was asked for and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingError("no GPU was found: use '--device cpu'")
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if on_gpu else torch.device("cpu")
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield Processes(device=place)
        return
    if on_gpu:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        processes = Processes(distributed.get_rank(), distributed.get_world_size(), place)
        yield processes
        # The first one keeps what they meet by: it may not leave while another still needs that.
        processes.wait()
    finally:
        distributed.destroy_process_group()
