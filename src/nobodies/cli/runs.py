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
