"""`nobodies block`: people whom no face that is given out may resemble."""

from pathlib import Path

import click

from nobodies.errors import InputError, SettingError
from nobodies.imaging.decode import read_pixels
from nobodies.settings import UniqueSettings
from nobodies.uniqueness.ledger import open_ledger
from nobodies.uniqueness.look import embedding_of


@click.command(name="block")
@click.argument("photo", required=False, type=click.Path(path_type=Path))
@click.option("--note", default="", help="Why, or who asked; kept as it is.")
@click.option("--list", "listed", is_flag=True, help="List the blocks.")
@click.option("--remove", metavar="NUMBER", type=int, help="Lift a block.")
@click.option("--ledger", type=click.Path(path_type=Path), help="The ledger's file.  [default: in the data folder]")
def command(photo: Path | None, note: str, listed: bool, remove: int | None, ledger: Path | None) -> None:
    """Never again give out a face that resembles the person on PHOTO.

    Keeps an embedding of the face, 128 numbers, and never the photo. It holds for 'generate --unique' and wherever
    else faces are checked against this ledger.
    """
    if [photo is not None, listed, remove is not None].count(True) != 1:
        raise SettingError("give one of PHOTO, --list and --remove NUMBER")
    with open_ledger(UniqueSettings(), ledger) as book:
        if listed:
            for record in book.records("blocked"):
                click.echo(f"{record.id:6} {record.recorded_at} {record.name}")
        elif remove is not None:
            if not book.unblock(remove):
                raise SettingError(f"there is no block {remove}: see 'nobodies block --list'")
            click.echo(f"block {remove} is lifted")
        elif photo is not None:
            embedding = embedding_of(read_pixels(photo))
            if embedding is None:
                raise InputError(f"{photo} shows no face: give a photo on which the face is large and upright")
            click.echo(f"blocked as number {book.block(embedding, note=note)}; the photo is not kept")
