"""A run in its folder: begin or continue, step after step, with snapshots; any kill leaves it fit to continue.

run/config.json                      the configuration
run/log.jsonl                        one line of figures every few steps
run/snapshots/snapshot-N.safetensors everything, after N pictures; the newest few are kept
run/generators/generator-N.safetensors  the averaged generator, all kept
run/samples/N.png                    made pictures of fixed latent codes
run/samples/N.json                   the discriminator's answer to each
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from nobodies.errors import InputError, SettingError, TrainingError, WeightsError
from nobodies.files import explained, make_folder, require_writable, write_atomic
from nobodies.training.batches import ChunkLoader
from nobodies.training.checkpoint import load_snapshot, read_header, save_generator, save_snapshot, transfer
from nobodies.training.config import TrainingConfig
from nobodies.training.dataset import PictureDataset
from nobodies.training.phases import Phases
from nobodies.training.processes import Processes
from nobodies.training.samples import write_samples
from nobodies.training.state import TrainingState, fresh_state
from nobodies.training.step import StepReport, mean_report, train_step

LOG_EVERY_STEPS: Final = 10


@dataclass(frozen=True)
class Progress:
    """Where a run is, every `LOG_EVERY_STEPS` steps and at each snapshot."""

    report: StepReport
    """Means since the last progress."""
    num_pictures: int
    total_pictures: int
    augment_p: float
    pictures_per_s: float
    snapshot: Path | None = None

    @property
    def left_s(self) -> float:
        """Seconds to the end of the run at this speed."""
        return (self.total_pictures - self.num_pictures) / max(self.pictures_per_s, 1e-9)


class RunFolder:
    """Names and records in the folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_path = path / "config.json"
        self.log_path, self.kid_path = path / "log.jsonl", path / "kid.jsonl"
        self.snapshots, self.generators, self.samples = path / "snapshots", path / "generators", path / "samples"

    def create(self, config: TrainingConfig) -> None:
        """Make the folders and write the configuration."""
        require_writable(self.path)
        for folder in (self.snapshots, self.generators, self.samples):
            make_folder(folder)
        write_atomic(self.config_path, config.to_json().encode())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from training in this folder; a process that dies lets go of it.

        Raises:
            TrainingError: another one trains in it.
        """
        from filelock import FileLock, Timeout

        make_folder(self.path)
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise TrainingError(
                f"another process trains in {self.path}: wait until it ends, stop it, or take another '--out'"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def config(self) -> TrainingConfig | None:
        """The configuration of the run, None if it has not begun."""
        return TrainingConfig.from_json(self.config_path.read_text()) if self.config_path.exists() else None

    def snapshot_paths(self) -> list[Path]:
        """Full snapshots, oldest first."""
        return sorted(self.snapshots.glob("snapshot-*.safetensors"))

    def generator_paths(self) -> list[Path]:
        """Averaged generators, oldest first."""
        return sorted(self.generators.glob("generator-*.safetensors"))

    def log(self) -> list[dict[str, Any]]:
        """All figures so far."""
        return _whole_lines(self.log_path)

    def kid_figures(self) -> list[dict[str, Any]]:
        """What `nobodies evaluate --curve` has measured."""
        return _whole_lines(self.kid_path)

    def append(self, values: dict[str, Any]) -> None:
        """Add a line of figures. A kill may cut the last one short: `log` leaves it out, `trim_log` takes it away."""
        with explained(self.log_path), self.log_path.open("a") as file:
            file.write(json.dumps(values) + "\n")

    def trim_log(self, step: int) -> None:
        """Forget the figures of steps after a snapshot, which will be taken again."""
        kept = [json.dumps(values) + "\n" for values in self.log() if values["step"] <= step]
        write_atomic(self.log_path, "".join(kept).encode())

    def save(self, state: TrainingState) -> Path:
        """Write a snapshot, the averaged generator and samples; then drop the oldest snapshots."""
        name = f"{state.num_pictures:010d}"
        save_generator(
            state.g_ema, self.generators / f"generator-{name}.safetensors", num_pictures=state.num_pictures
        )
        write_samples(state, self.samples, name)
        path = self.snapshots / f"snapshot-{name}.safetensors"
        save_snapshot(state, path)
        for old in self.snapshot_paths()[: -state.config.training.keep_snapshots]:
            old.unlink(missing_ok=True)
        return path


def newest_generator(target: Path) -> Path:
    """The newest averaged generator of a run, or the file itself if it is one.

    Raises:
        InputError: the folder holds none.
    """
    if not target.is_dir():
        return target
    paths = RunFolder(target).generator_paths()
    if not paths:
        raise InputError(f"{target} holds no generators: give the folder of a run, or a generator")
    return paths[-1]


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def begin_or_continue(
    folder: RunFolder, config: TrainingConfig, processes: Processes, *, transfer_from: Path | None = None
) -> TrainingState:
    """Give the state to train on: the newest snapshot that can be read, or a fresh one.

    Args:
        folder: of the run.
        config: asked for; must be that of the run if it has begun, `_FREE` settings excepted.
        processes: all of the run; the first writes.
        transfer_from: snapshot of another run to start from.

    Raises:
        SettingError: the run has begun with another configuration.
        WeightsError: it has snapshots and none can be read.
    """
    begun = folder.config()
    if begun is not None:
        _require_same(begun, config, folder.path)
    for path in reversed(folder.snapshot_paths()):
        try:
            header = read_header(path)
        except WeightsError:
            if path == folder.snapshot_paths()[0]:
                raise
            continue
        _require_same(header.config, config, folder.path)
        state = load_snapshot(path, config=config, device=processes.device)
        if processes.is_first:
            folder.trim_log(state.step)
            write_atomic(folder.config_path, config.to_json().encode())
        return state
    state = fresh_state(config, device=processes.device)
    if transfer_from is not None:
        transfer(state, transfer_from)
    if processes.is_first:
        folder.create(config)
        folder.trim_log(0)
        folder.save(state)
    processes.wait()
    return state


# What may change while a run goes on, without making it another run.
_FREE: Final = frozenset(
    {"total_kimg", "snapshot_kimg", "keep_snapshots", "g_learning_rate", "d_learning_rate", "r1_gamma", "compute"}
)


def _require_same(begun: TrainingConfig, asked: TrainingConfig, folder: Path) -> None:
    for part in ("generator", "discriminator", "training"):
        ours, theirs = asdict(getattr(asked, part)), asdict(getattr(begun, part))
        for name, value in ours.items():
            if name not in _FREE and value != theirs[name]:
                raise SettingError(
                    f"{folder} was begun with {part}.{name} {theirs[name]} and cannot go on with {value}: "
                    "take another '--out', or '--set' it back"
                )


def check_data(config: TrainingConfig, dataset: PictureDataset) -> None:
    """Make sure before any work that data and networks fit.

    Raises:
        InputError: they do not.
    """
    network = config.generator
    if dataset.resolution != network.resolution:
        raise InputError(
            f"{dataset.path} has pictures of {dataset.resolution} px, the network makes {network.resolution}: "
            f"run 'nobodies dataset build … --resolution {network.resolution}' or choose another preset"
        )
    if dataset.img_channels != network.img_channels or dataset.num_classes != network.c_dim:
        raise InputError(
            f"{dataset.path} has {dataset.img_channels} channels and {dataset.num_classes} classes, the network "
            f"{network.img_channels} and {network.c_dim}: leave both to the data, or change one"
        )


def train(
    state: TrainingState,
    dataset: PictureDataset,
    folder: RunFolder,
    processes: Processes,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train to the end of the run, yielding progress; the caller shows it.

    Args:
        state: from `begin_or_continue`; it changes.
        dataset: of real pictures.
        folder: of the run.
        processes: all of the run.
        stop: asked after every step; when true, a snapshot is written and the run ends.

    Raises:
        TrainingError: a gradient is not finite; the message names the last good snapshot.
        OutputError: a snapshot cannot be written; the last good one is untouched.
    """
    settings = state.config.training
    check_data(state.config, dataset)
    phases = Phases(state)
    chunks = ChunkLoader(dataset, settings, processes).from_step(state.step)
    snapshot_steps = max(round(settings.snapshot_kimg * 1000 / settings.batch), 1)
    since, reports = time.monotonic(), []
    while state.step < settings.total_steps:
        try:
            reports.append(train_step(phases, next(chunks), processes))
        except TrainingError as error:
            raise TrainingError(f"{error}. {_last_good(folder)}") from error
        stopping = processes.agree(stop())
        saving = stopping or state.step % snapshot_steps == 0 or state.step == settings.total_steps
        if saving or state.step % LOG_EVERY_STEPS == 0:
            speed = len(reports) * settings.batch / max(time.monotonic() - since, 1e-9)
            path = folder.save(state) if saving and processes.is_first else None
            yield _progress(state, mean_report(reports), speed, path, folder, processes)
            since, reports = time.monotonic(), []
        if stopping:
            break
    chunks.close()


def _progress(
    state: TrainingState,
    report: StepReport,
    speed: float,
    path: Path | None,
    folder: RunFolder,
    processes: Processes,
) -> Progress:
    settings = state.config.training
    progress = Progress(
        report, state.num_pictures, settings.total_steps * settings.batch, state.augment.p, speed, path
    )
    if processes.is_first:
        figures = asdict(report) | {
            "num_pictures": progress.num_pictures,
            "augment_p": progress.augment_p,
            "pictures_per_s": round(speed, 3),
            "time": round(time.time(), 1),
        }
        folder.append(figures)
    return progress


def _last_good(folder: RunFolder) -> str:
    paths = folder.snapshot_paths()
    return (
        f"The last good snapshot is {paths[-1]}; the same command continues from it" if paths else "Nothing was saved"
    )
