"""`nobodies block`: people whom no face that is given out may resemble."""

import sys
from pathlib import Path
from typing import Final

import click

from nobodies.errors import InputError, SettingError
from nobodies.imaging.decode import read_pixels
from nobodies.settings import UniqueSettings
from nobodies.uniqueness.gallery import Gallery
from nobodies.uniqueness.ledger import Ledger, open_ledger
from nobodies.uniqueness.look import Embedding, embedding_of

_SAME: Final = 1e-4
"""Embeddings of one and the same picture lie no further apart than this."""


@click.command(name="block")
@click.argument("photos", required=False, metavar="[PHOTO]", type=click.Path(path_type=Path))
@click.option("--note", default="", help="Why, or who asked; kept as it is.")
@click.option("--list", "listed", is_flag=True, help="List the blocks.")
@click.option("--remove", metavar="NUMBER", type=int, help="Lift a block.")
@click.option(
    "--ledger",
    metavar="PLACE",
    help="The ledger: a file, or postgresql://USER@HOST/DATABASE.  [default: a file in the data folder]",
)
def command(photos: Path | None, note: str, listed: bool, remove: int | None, ledger: str | None) -> None:
    """Never again give out a face that resembles the person on PHOTO, or any of those in a folder or zip of photos.

    Keeps an embedding of the face, 128 numbers, and never the photo. It holds for 'generate --unique', 'serve
    --unique' and wherever else faces are checked against this ledger. Photos that were blocked before are passed
    over, so that the same command goes on where it was stopped.
    """
    if [photos is not None, listed, remove is not None].count(True) != 1:
        raise SettingError("give one of PHOTO, --list and --remove NUMBER")
    with open_ledger(UniqueSettings(), ledger) as book:
        if listed:
            for record in book.records("blocked"):
                click.echo(f"{record.id:6} {record.recorded_at} {record.name}")
        elif remove is not None:
            if not book.unblock(remove):
                raise SettingError(f"there is no block {remove}: see 'nobodies block --list'")
            click.echo(f"block {remove} is lifted")
        elif photos is not None and (photos.is_dir() or photos.suffix.lower() == ".zip"):
            _block_all(book, photos, note)
        elif photos is not None:
            embedding = embedding_of(read_pixels(photos))
            if embedding is None:
                raise InputError(f"{photos} shows no face: give a photo on which the face is large and upright")
            number, is_new = _block(book, embedding, note)
            click.echo(f"blocked{'' if is_new else ' before'} as number {number}; the photo is not kept")


def _block_all(book: Ledger, place: Path, note: str) -> None:
    from tqdm import tqdm

    gallery = Gallery.open(place)
    new, faceless = 0, 0
    embeddings = gallery.embeddings()
    for embedding in tqdm(embeddings, total=len(gallery.names), unit="photo", file=sys.stderr, disable=None):
        if embedding is None:
            faceless += 1
        else:
            new += _block(book, embedding, note)[1]
    old = len(gallery.names) - new - faceless
    click.echo(f"{new} blocked, {old} blocked before, {faceless} without a face; the photos are not kept")


def _block(book: Ledger, embedding: Embedding, note: str) -> tuple[int, bool]:
    """Block a face, unless it is blocked; give its number, and whether it is new."""
    match = book.resembled(embedding)
    if match is not None and match.record.kind == "blocked" and match.distance < _SAME:
        return match.record.id, False
    return book.block(embedding, note=note), True
