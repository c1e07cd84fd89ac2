"""`nobodies runs`: look at training runs."""

from pathlib import Path

import click


@click.group(name="runs")
def command() -> None:
    """Look at training runs."""


@command.command(name="show")
@click.argument("run", type=click.Path(path_type=Path))
def show_command(run: Path) -> None:
    """Write the page of RUN, RUN/index.html: curves, and made pictures with the discriminator's score."""
    from nobodies.training.page import write_page
    from nobodies.training.run import RunFolder

    click.echo(write_page(RunFolder(run)))


@command.command(name="export")
@click.argument("target", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--name", required=True, help="To know the model by.")
@click.option("--licence", required=True, help="Terms of the pictures it was trained on; users are shown them.")
@click.option("--title", default="a generator trained with nobodies", show_default=True, help="What it makes.")
def export_command(target: Path, out: Path, name: str, licence: str, title: str) -> None:
    """Write the averaged generator of RUN as a model: 'nobodies models add OUT' makes it one to generate with.

    RUN may be one of the files in its folder 'generators' as well.
    """
    from nobodies.files import make_folder
    from nobodies.models.native import save
    from nobodies.training.checkpoint import load_generator
    from nobodies.training.export import to_model
    from nobodies.training.run import newest_generator

    path = newest_generator(target)
    source = f"nobodies train, {path.name}"
    model = to_model(load_generator(path), name=name, title=title, source=source, licence=licence)
    make_folder(out)
    save(model, out)
    click.echo(out)
