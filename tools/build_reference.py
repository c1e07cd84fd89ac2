"""Write docs/reference from what the code says of itself: `--help`, settings and docstrings.

`python tools/build_reference.py` writes the pages; tests/docs compares them with what stands in the repository.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from nobodies import settings
from nobodies.cli.main import COMMANDS, cli
from nobodies.settings import Described, described

FOLDER = Path(__file__).parents[1] / "docs" / "reference"

GROUPS = (
    settings.FaceSettings,
    settings.PictureSettings,
    settings.MarkSettings,
    settings.EngineSettings,
    settings.ShardSettings,
    settings.CrewSettings,
    settings.DetectSettings,
    settings.UniqueSettings,
    settings.GateSettings,
    settings.WebSettings,
)

LIBRARY: dict[str, tuple[str, ...]] = {
    "nobodies.generator": ("Generator", "Face", "load"),
    "nobodies.settings": (
        "FaceSettings", "PictureSettings", "MarkSettings", "EngineSettings", "ShardSettings",
        "CrewSettings", "DetectSettings", "UniqueSettings", "GateSettings",
        "WebSettings", "Environment", "environment",
    ),
    "nobodies.latents": (
        "parse_seed", "parse_seed_ranges", "z_from_seed", "noise_from_seed", "broadcast", "truncate", "conform",
    ),
    "nobodies.models": ("Store", "Watcher", "KnownModel", "Wheel", "LicenceLink", "Model", "Description"),
    "nobodies.engines": ("Engine", "Job", "open_engine"),
    "nobodies.gate": ("Gate", "gate_of"),
    "nobodies.batch": ("FolderJob", "Order", "Made", "Manifest", "write_sheet"),
    "nobodies.bulk.recipe": ("Recipe", "Wanted", "recipe_for"),
    "nobodies.bulk.job": ("BulkJob", "Audit"),
    "nobodies.bulk.target": ("Target",),
    "nobodies.bulk.crews": ("open_crew",),
    "nobodies.imaging": ("encode", "format_of", "resize", "xmp_of", "contact_sheet"),
    "nobodies.provenance": ("packet", "is_marked", "recipe_of"),
    "nobodies.errors": (
        "NobodiesError", "SettingError", "ShapeError", "ModelError", "WeightsError", "InputError", "OutputError",
        "DependencyError", "WorkerError",
    ),
}  # fmt: skip


def pages() -> dict[str, str]:
    """Give every page of the reference by its file name."""
    return {"cli.md": _cli_page(), "settings.md": _settings_page(), "library.md": _library_page()}


def _cli_page() -> str:
    parts = ["# Command line", "What `nobodies --help` and the commands under it print."]
    for path, command in _commands():
        context = click.Context(command, info_name=path, terminal_width=100, help_option_names=["-h", "--help"])
        parts += [f"## `{path}`", f"```text\n{command.get_help(context)}\n```"]
    return _page(parts)


def _commands() -> Iterator[tuple[str, click.Command]]:
    yield "nobodies", cli
    for name in COMMANDS:
        command = import_module(f"nobodies.cli.{name}").command
        yield f"nobodies {name}", command
        if isinstance(command, click.Group):
            for below, each in command.commands.items():
                yield f"nobodies {name} {below}", each


def _settings_page() -> str:
    parts = ["# Settings", "Every default, from `nobodies.settings`. The command line is built from these."]
    for group in GROUPS:
        rows = ["| setting | default | takes | meaning |", "| --- | --- | --- | --- |", *map(_row, described(group))]
        parts += [f"## `{group.__name__}`", inspect.getdoc(group) or "", "\n".join(rows)]
    return _page(parts)


def _row(each: Described) -> str:
    low, high = each.limits.minimum, each.limits.maximum
    takes = ", ".join(f"`{choice}`" for choice in each.choices) or each.kind.__name__
    if low is not None or high is not None:
        takes += f", {'' if low is None else f'{low:g}'} to {'' if high is None else f'{high:g}'}"
    return f"| `{each.name}` | `{each.default}` | {takes.rstrip()} | {each.limits.text} |"


def _library_page() -> str:
    parts = ["# Library", "The public names and what their docstrings say."]
    for module_name, names in LIBRARY.items():
        module = import_module(module_name)
        parts += [f"## `{module_name}`", inspect.getdoc(module) or ""]
        for name in names:
            parts += _entry(name, getattr(module, name), level=3)
    return _page(parts)


def _entry(name: str, thing: Any, level: int) -> list[str]:
    heading = f"{'#' * level} `{name}{_signature(thing)}`"
    parts = [heading, *_block(inspect.getdoc(thing))]
    if inspect.isclass(thing):
        for method, each in vars(thing).items():
            if not method.startswith("_") and (inspect.isfunction(each) or isinstance(each, classmethod | property)):
                parts += _entry(f"{name}.{method}", getattr(thing, method), level + 1)
    return parts


def _signature(thing: Any) -> str:
    """Names and defaults only: what the annotations say, the docstring says more shortly."""
    if not callable(thing) or (inspect.isclass(thing) and issubclass(thing, Exception)):
        return ""
    signature = inspect.signature(thing)
    bare = [each.replace(annotation=each.empty) for each in signature.parameters.values() if each.name != "self"]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def _block(text: str | None) -> list[str]:
    return [f"```text\n{text}\n```"] if text else []


def _page(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
