"""Several processes take the same step as one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from nobodies.training.processes import Processes

_SHARE = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from safetensors.torch import save_file
from nobodies.training.batches import ChunkLoader
from nobodies.training.config import TrainingConfig
from nobodies.training.dataset import PictureDataset
from nobodies.training.phases import Phases
from nobodies.training.processes import join
from nobodies.training.state import fresh_state
from nobodies.training.step import train_step
config = TrainingConfig.from_json(Path(sys.argv[2]).read_text())
with join("cpu") as processes:
    state = fresh_state(config)
    loader = ChunkLoader(PictureDataset(Path(sys.argv[1])), config.training, processes)
    phases = Phases(state)
    for step in range(2):
        report = train_step(phases, loader.load(step), processes)
    tensors = {f"g.{n}": p for n, p in state.generator.state_dict().items()}
    tensors |= {f"d.{n}": p for n, p in state.discriminator.state_dict().items()}
    tensors |= {f"grad.{n}": p.grad for n, p in state.discriminator.named_parameters()}
    tensors["mean_path_length"] = state.mean_path_length
    tensors["p"] = torch.tensor(state.augment.p)
    tensors["loss"] = torch.tensor([report.generator_loss, report.discriminator_loss])
    tensors = {n: t.contiguous() for n, t in tensors.items()}
    save_file(tensors, f"{sys.argv[3]}-{processes.rank}.safetensors")
"""


def start(arguments: list[str], *, rank: int, count: int, port: int) -> subprocess.Popen[bytes]:
    place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", _SHARE, *arguments], env={**os.environ, **place, **meeting})


def test_two_processes_learn_what_one_does(pictures: Path, tmp_path: Path) -> None:
    from tests.training.conftest import tiny_config

    config = tmp_path / "config.json"
    config.write_text(tiny_config(augment_target=-1.0, augment_interval=1, augment_kimg=0.1).to_json())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        start([str(pictures), str(config), str(tmp_path / "one")], rank=0, count=1, port=port),
        *(start([str(pictures), str(config), str(tmp_path / "two")], rank=r, count=2, port=port) for r in (0, 1)),
    ]
    for process in processes:
        assert process.wait(timeout=200) == 0
    one = load_file(tmp_path / "one-0.safetensors")
    for rank in (0, 1):
        two = load_file(tmp_path / f"two-{rank}.safetensors")
        assert two.keys() == one.keys()
        for name, tensor in one.items():
            assert torch.allclose(two[name], tensor, rtol=1e-4, atol=1e-6), name


def test_one_process_agrees_with_itself() -> None:
    alone = Processes()
    tensor = torch.ones(3)
    alone.add_up([tensor])
    assert tensor.tolist() == [1, 1, 1]
    assert alone.agree(True)
    assert not alone.agree(False)
