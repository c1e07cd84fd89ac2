"""`nobodies verify`: the marks of a picture."""

import json
from pathlib import Path

import click

from nobodies.errors import InputError
from nobodies.imaging.decode import MOST_BYTES
from nobodies.provenance.verify import Verdict, verify


@click.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def command(file: Path, as_json: bool) -> None:
    """Say which marks of generated pictures FILE carries, and what each proves.

    Looks for metadata (XMP), a signed manifest (C2PA) and the invisible watermark. Uses no network.
    """
    content = content_of(file)
    try:
        verdict = verify(content)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    click.echo(json.dumps(verdict.to_json(), indent=2) if as_json else _report(verdict))


def content_of(path: Path) -> bytes:
    """Read a file that shall be a picture, and no more of it than a picture may have.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _report(verdict: Verdict) -> str:
    lines = [verdict.summary]
    if verdict.seed is not None:
        lines.append(f"seed: {verdict.seed}")
    for mark in verdict.marks:
        lines.append(f"\n{mark.name}: {mark.state}" + (f" ({mark.detail})" if mark.detail else ""))
        lines.append(f"  {mark.meaning}")
    return "\n".join(lines)
