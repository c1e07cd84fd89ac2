"""A run in its folder: exact resume, kills, full disks, NaN, another configuration."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from nobodies.errors import InputError, OutputError, SettingError, TrainingError, WeightsError
from nobodies.training.checkpoint import load_generator, load_snapshot, read_header, save_snapshot
from nobodies.training.config import TrainingConfig
from nobodies.training.dataset import PictureDataset
from nobodies.training.processes import Processes
from nobodies.training.run import RunFolder, begin_or_continue, check_data, train
from nobodies.training.state import TrainingState, fresh_state
from tests.training.conftest import draw_pictures, tiny_config

ALONE = Processes()


def run_to_end(path: Path, dataset: PictureDataset, config: TrainingConfig, **options: Any) -> TrainingState:
    folder = RunFolder(path)
    state = begin_or_continue(folder, config, ALONE)
    for _ in train(state, dataset, folder, ALONE, **options):
        pass
    return state


def newest(path: Path) -> bytes:
    return RunFolder(path).snapshot_paths()[-1].read_bytes()


def stop_after(count: int) -> Any:
    calls = iter(range(count))
    return lambda: next(calls, None) is None


def test_a_stopped_and_continued_run_equals_one_never_stopped(dataset: PictureDataset, tmp_path: Path) -> None:
    config = tiny_config(augment="adaptive", augment_p=0.3)
    run_to_end(tmp_path / "whole", dataset, config)
    for stop in (1, 0, 2):
        run_to_end(tmp_path / "pieces", dataset, config, stop=stop_after(stop))
    run_to_end(tmp_path / "pieces", dataset, config)
    assert newest(tmp_path / "pieces") == newest(tmp_path / "whole")
    figures = [RunFolder(tmp_path / name).log()[-1] for name in ("whole", "pieces")]
    assert figures[0]["generator_loss"] == figures[1]["generator_loss"]


def test_what_came_after_the_snapshot_is_taken_again(dataset: PictureDataset, tmp_path: Path) -> None:
    """A kill between snapshots: log lines beyond the last one go, and the end is the same to the bit."""
    config = tiny_config()
    run_to_end(tmp_path / "whole", dataset, config)
    run_to_end(tmp_path / "killed", dataset, config, stop=stop_after(3))
    folder = RunFolder(tmp_path / "killed")
    folder.append({"step": 6, "generator_loss": 1.0})
    with folder.log_path.open("a") as file:
        file.write('{"step": 7, "gener')
    run_to_end(tmp_path / "killed", dataset, config)
    assert newest(tmp_path / "killed") == newest(tmp_path / "whole")
    steps = [values["step"] for values in folder.log()]
    assert steps == sorted(set(steps))


_KILLED = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from nobodies.training.dataset import PictureDataset
from nobodies.training.config import TrainingConfig
from tests.training.test_run import run_to_end
config = TrainingConfig.from_json(Path(sys.argv[3]).read_text())
run_to_end(Path(sys.argv[1]), PictureDataset(Path(sys.argv[2])), config)
"""


def test_kill_9_leaves_a_run_that_continues_exactly(pictures: Path, tmp_path: Path) -> None:
    config = tiny_config(total_kimg=0.2, snapshot_kimg=0.008)
    (tmp_path / "config.json").write_text(config.to_json())
    arguments = [sys.executable, "-c", _KILLED]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [*arguments, str(tmp_path / name), str(pictures), str(tmp_path / "config.json")]
        return subprocess.Popen(command, cwd=root, env=environment)

    with start("killed") as process:
        deadline = time.monotonic() + 120
        while len(RunFolder(tmp_path / "killed").generator_paths()) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    begun = read_header(RunFolder(tmp_path / "killed").snapshot_paths()[-1]).step
    assert 0 < begun < config.training.total_steps
    for name in ("killed", "whole"):
        run_to_end(tmp_path / name, PictureDataset(pictures), config)
    assert newest(tmp_path / "killed") == newest(tmp_path / "whole")


def test_a_full_disk_leaves_the_last_snapshot(
    dataset: PictureDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config()
    run_to_end(tmp_path / "run", dataset, config, stop=stop_after(2))
    before = newest(tmp_path / "run")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        run_to_end(tmp_path / "run", dataset, config)
    monkeypatch.undo()
    assert newest(tmp_path / "run") == before
    assert not list((tmp_path / "run").rglob("*.tmp"))
    run_to_end(tmp_path / "run", dataset, config)


def test_nan_stops_and_names_the_last_good_snapshot(dataset: PictureDataset, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    state = begin_or_continue(folder, tiny_config(), ALONE)
    with torch.no_grad():
        state.discriminator.b4.out.bias.fill_(math.nan)
    with pytest.raises(TrainingError, match=r"not finite.*snapshot-0000000000"):
        next(train(state, dataset, folder, ALONE))
    assert load_snapshot(folder.snapshot_paths()[-1]).discriminator.b4.out.bias.isfinite().all()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.held(), pytest.raises(TrainingError, match="another process trains in"), folder.held():
        pass
    with folder.held():
        pass


def test_old_snapshots_go_and_generators_stay(dataset: PictureDataset, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", dataset, tiny_config(keep_snapshots=2))
    folder = RunFolder(tmp_path / "run")
    assert len(folder.snapshot_paths()) == 2
    assert len(folder.generator_paths()) == len(list(folder.samples.glob("*.png"))) == 5


def test_the_averaged_generator_can_be_drawn_from(dataset: PictureDataset, tmp_path: Path) -> None:
    state = run_to_end(tmp_path / "run", dataset, tiny_config())
    folder = RunFolder(tmp_path / "run")
    z = torch.randn(2, 8)
    alone, inside = load_generator(folder.generator_paths()[-1]), load_generator(folder.snapshot_paths()[-1])
    assert torch.equal(alone(z), state.g_ema(z))
    assert torch.equal(inside(z), state.g_ema(z))


def test_a_run_goes_on_only_as_it_began(dataset: PictureDataset, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", dataset, tiny_config(), stop=stop_after(0))
    with pytest.raises(SettingError, match=r"training\.seed 0 and cannot go on with 1"):
        run_to_end(tmp_path / "run", dataset, tiny_config(seed=1))
    longer = run_to_end(tmp_path / "run", dataset, tiny_config(total_kimg=0.08))
    assert longer.num_pictures == 80


def test_a_run_that_broke_goes_on_more_slowly(dataset: PictureDataset, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", dataset, tiny_config(), stop=stop_after(2))
    slower = tiny_config(g_learning_rate=0.0005)
    state = begin_or_continue(RunFolder(tmp_path / "run"), slower, ALONE)
    assert state.step == 3
    assert state.g_optimizer.param_groups[0]["lr"] < 0.0005
    assert RunFolder(tmp_path / "run").config() == slower


def test_transfer(dataset: PictureDataset, tmp_path: Path) -> None:
    run_to_end(tmp_path / "first", dataset, tiny_config())
    snapshot = RunFolder(tmp_path / "first").snapshot_paths()[-1]
    state = begin_or_continue(RunFolder(tmp_path / "second"), tiny_config(seed=5), ALONE, transfer_from=snapshot)
    assert state.step == 0
    ours, theirs = (each.generator.state_dict()["synthesis.b4.const"] for each in (state, load_snapshot(snapshot)))
    assert torch.equal(ours, theirs)
    with pytest.raises(TrainingError, match="img_channels 3, this run 1"):
        begin_or_continue(RunFolder(tmp_path / "third"), tiny_config(img_channels=1), ALONE, transfer_from=snapshot)


@pytest.mark.parametrize("with_trained", [True, False])
def test_transfer_from_imported_networks(tmp_path: Path, with_trained: bool) -> None:
    """The file of 'nobodies models import --networks': no header of ours, no filters, perhaps the average alone."""
    from safetensors.torch import save_file

    first = fresh_state(tiny_config(seed=1))
    parts = {"G_ema.": first.g_ema, "D.": first.discriminator}
    parts |= {"G.": fresh_state(tiny_config(seed=2)).generator} if with_trained else {}
    tensors = {f"{prefix}{name}": each for prefix, part in parts.items() for name, each in part.state_dict().items()}
    wanted = {name: tensor.contiguous() for name, tensor in tensors.items() if not name.endswith("filter")}
    wanted.pop("G.mapping.w_avg", None)
    save_file(wanted, tmp_path / "networks.safetensors")
    state = begin_or_continue(
        RunFolder(tmp_path / "run"), tiny_config(seed=5), ALONE, transfer_from=tmp_path / "networks.safetensors"
    )
    for name, tensor in state.generator.state_dict().items():
        assert torch.equal(tensor, tensors[f"{'G' if with_trained else 'G_ema'}.{name}"]), name
    assert torch.equal(state.discriminator.b4.fc.weight, first.discriminator.b4.fc.weight)
    wider = tiny_config(img_channels=1)
    with pytest.raises(WeightsError, match="want"):
        begin_or_continue(RunFolder(tmp_path / "x"), wider, ALONE, transfer_from=tmp_path / "networks.safetensors")


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "snapshot-1.safetensors"
    save_snapshot(fresh_state(tiny_config()), path)
    data = path.read_bytes()
    for spoiled in (data[:-100], b"", b"pickle" * 10):
        path.write_bytes(spoiled)
        with pytest.raises(WeightsError, match="cannot be read"):
            load_snapshot(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="not written by nobodies"):
        load_snapshot(path)


def test_a_damaged_newest_snapshot_is_passed_over(dataset: PictureDataset, tmp_path: Path) -> None:
    run_to_end(tmp_path / "run", dataset, tiny_config())
    paths = RunFolder(tmp_path / "run").snapshot_paths()
    paths[-1].write_bytes(b"half")
    state = begin_or_continue(RunFolder(tmp_path / "run"), tiny_config(), ALONE)
    assert state.step == read_header(paths[-2]).step


def test_data_must_fit_the_network(tmp_path: Path) -> None:
    grey = PictureDataset(draw_pictures(tmp_path / "grey", mode="L"))
    large = PictureDataset(draw_pictures(tmp_path / "large", side=16))
    with pytest.raises(InputError, match="1 channels"):
        check_data(tiny_config(), grey)
    with pytest.raises(InputError, match="--resolution 8"):
        check_data(tiny_config(), large)
