"""`nobodies verify`: the marks of a picture or a video."""

import json
from pathlib import Path

import click

from nobodies.errors import InputError
from nobodies.provenance.verify import Verdict, verify_file


@click.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def command(file: Path, as_json: bool) -> None:
    """Say which marks of generated pictures FILE, a picture or a video, carries, and what each proves.

    Looks for metadata (XMP), a signed manifest (C2PA) and the invisible watermark; of a video, in a few frames of its
    first 250. Uses no network.
    """
    try:
        verdict = verify_file(file)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    click.echo(json.dumps(verdict.to_json(), indent=2) if as_json else _report(verdict))


def _report(verdict: Verdict) -> str:
    lines = [verdict.summary]
    if verdict.seed is not None:
        lines.append(f"seed: {verdict.seed}")
    for mark in verdict.marks:
        lines.append(f"\n{mark.name}: {mark.state}" + (f" ({mark.detail})" if mark.detail else ""))
        lines.append(f"  {mark.meaning}")
    return "\n".join(lines)
