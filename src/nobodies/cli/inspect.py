"""`nobodies inspect`: what looks generated in a picture, and why."""

import json
from pathlib import Path

import click

from nobodies.inspection import Inspection, inspect


@click.command(name="inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(file: Path, as_json: bool) -> None:
    """Say what in FILE looks generated, and what each finding proves and does not.

    Looks for marks, for the regular grid that networks leave in the spectrum, for the crop that generators of
    portraits use, asks a small classifier, and looks for faults. Uses no network. Nothing that it finds or does not
    find proves that a picture is a photograph.
    """
    found = inspect(file)
    click.echo(json.dumps(found.to_json(), indent=2) if as_json else _report(found))


def _report(found: Inspection) -> str:
    lines = [found.summary]
    for each in found.findings:
        lines += [f"\n{each.name}: {each.state}: {each.detail}", f"  {each.meaning}"]
    return "\n".join(lines)
