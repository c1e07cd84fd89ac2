"""`nobodies train`: train a generator on your own pictures."""

import json
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from nobodies.errors import DependencyError, SettingError
from nobodies.training.config import TrainingConfig
from nobodies.training.dataset import PictureDataset
from nobodies.training.presets import CORE, PRESETS, Preset, find_preset, fit_to_data

if TYPE_CHECKING:
    from nobodies.training.processes import Processes
    from nobodies.training.run import Progress

_PRESETS = "\b\n" + "\n".join(f"{name:12} {preset.title}" for name, preset in PRESETS.items())


@click.command(
    name="train",
    epilog=f"Presets:\n\n{_PRESETS}",
    help="""Train a StyleGAN2 on the pictures in DATA, or go on with a run.

    Run the same command again to continue after any stop. Ctrl-C saves first. Several processes or GPUs:
    torchrun --nproc-per-node N -m nobodies train …""",
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Zip or folder of pictures.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--preset", default="face-64-cpu", show_default=True, help="Settings to start from, see below.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="Settings from a JSON file instead.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a setting: training.batch=8.")
@click.option("--labels", is_flag=True, help="Train with the classes in dataset.json.")
@click.option(
    "--transfer",
    type=click.Path(path_type=Path),
    help="Start from the networks of a snapshot, or of imported weights.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(0, 1024), default=0, help="Processor threads; 0 for all.")
@click.option(
    "--hourly-cost", type=click.FloatRange(0), help="What an hour of this machine costs, to show the total."
)
@click.option("--board/--no-board", default=True, show_default=True, help="Write TensorBoard files.")
@click.option("--dry-run", is_flag=True, help="Print every setting and the size of the networks, and stop.")
def command(
    data: Path,
    out: Path,
    preset: str,
    config_path: Path | None,
    changes: tuple[str, ...],
    labels: bool,
    transfer: Path | None,
    device: str,
    threads: int,
    hourly_cost: float | None,
    board: bool,
    dry_run: bool,
) -> None:
    """Parse, call, show."""
    base = _read_config(config_path) if config_path else find_preset(preset).config
    dataset = PictureDataset(data, use_labels=labels)
    config = fit_to_data(base, img_channels=dataset.img_channels, c_dim=dataset.num_classes)
    config = _changed(config, changes)
    _require_torch()
    if dry_run:
        _show_plan(config)
        if not config_path:
            _show_cost(find_preset(preset), config, hourly_cost)
        return

    import torch

    from nobodies.training.memory import keep_freed_memory
    from nobodies.training.processes import join
    from nobodies.training.run import RunFolder, begin_or_continue, check_data, train

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    check_data(config, dataset)
    folder = RunFolder(out)
    with (
        join(device) as processes,
        folder.held() if processes.is_first else nullcontext(),
        _stop_on_signals() as stop,
    ):
        state = begin_or_continue(folder, config, processes, transfer_from=transfer)
        _announce(state.num_pictures, out, processes)
        with _board(out) if board and processes.is_first else nullcontext() as writer:
            for progress in train(state, dataset, folder, processes, stop=lambda: bool(stop)):
                if processes.is_first:
                    click.echo(_line(progress, hourly_cost))
                    if writer is not None:
                        writer.write(progress)


def _read_config(path: Path) -> TrainingConfig:
    try:
        return TrainingConfig.from_json(path.read_text())
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}") from error


def _changed(config: TrainingConfig, changes: tuple[str, ...]) -> TrainingConfig:
    """Apply NAME=VALUE changes, where NAME is part.setting and VALUE is JSON, or text as it stands."""
    values = config.to_dict()
    for change in changes:
        name, equals, text = change.partition("=")
        part, dot, key = name.partition(".")
        if not equals or not dot or part not in values:
            raise SettingError(f"--set {change}: want generator., discriminator. or training.NAME=VALUE")
        try:
            values[part][key] = json.loads(text)
        except ValueError:
            values[part][key] = text
    return TrainingConfig.from_dict(values)


def _require_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise DependencyError("training needs torch: pip install 'nobodies[train]'") from error


def _show_plan(config: TrainingConfig) -> None:
    import torch

    from nobodies.networks import Discriminator, Generator

    with torch.device("meta"):
        networks = {"generator": Generator(config.generator), "discriminator": Discriminator(config.discriminator)}
    click.echo(config.to_json(), nl=False)
    sizes = {name: sum(parameter.numel() for parameter in network.parameters()) for name, network in networks.items()}
    for name, size in sizes.items():
        click.echo(f"{name}: {size:,} parameters")
    # Weights and two moments of both networks, and the averaged generator.
    megabytes = 4 * (4 * sizes["generator"] + 3 * sizes["discriminator"]) / 1e6
    settings = config.training
    click.echo(f"a snapshot: {megabytes:,.0f} MB, {settings.keep_snapshots} kept")
    click.echo(f"the run: {settings.total_steps:,} steps of {settings.batch} pictures")


def _show_cost(preset: Preset, config: TrainingConfig, hourly_cost: float | None) -> None:
    """Say what the preset was measured to take; with other settings it takes more or less."""
    cost, kimg = preset.cost, config.training.total_kimg
    hours = cost.core_hours(kimg)
    price = "" if hourly_cost is None else f", {hours * hourly_cost:,.2f} at {hourly_cost:g} an hour of a core"
    click.echo(
        f"the preset as it stands was measured on {CORE}, {cost.chunk} pictures at once: "
        f"{cost.pictures_per_s:g} pictures a second, {cost.memory_gb:g} GB"
    )
    click.echo(f"{kimg:g} kimg at that speed: {hours:,.1f} core hours{price}. No preset was measured on a GPU.")


@contextmanager
def _stop_on_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them; a second one of SIGINT kills as ever."""
    caught: list[int] = []

    def catch(number: int, _frame: FrameType | None) -> None:
        if caught and number == signal.SIGINT:
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _board(out: Path) -> Any:
    from nobodies.training.board import Board

    return closing(Board(out))


def _announce(num_pictures: int, out: Path, processes: "Processes") -> None:
    if processes.is_first:
        click.echo(f"{'continuing' if num_pictures else 'beginning'} {out} at {num_pictures / 1000:.1f} kimg")


def _line(progress: "Progress", hourly_cost: float | None) -> str:
    report, hours = progress.report, progress.left_s / 3600
    parts = [
        f"{progress.num_pictures / 1000:8.1f} of {progress.total_pictures / 1000:.0f} kimg",
        f"{progress.pictures_per_s:6.1f} img/s",
        f"{hours:6.1f} h left",
        f"G {report.generator_loss:6.3f}",
        f"D {report.discriminator_loss:6.3f}",
        f"real {report.real_sign:+.2f}",
        f"p {progress.augment_p:.3f}",
    ]
    if hourly_cost is not None:
        parts.append(f"cost to come {hours * hourly_cost:.2f}")
    if progress.snapshot is not None:
        parts.append(f"saved {progress.snapshot.name}")
    return "  ".join(parts)
