"""Command-line options built from the settings classes, so that defaults and help are written once."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from nobodies.settings import Described, Settings, described

Command = TypeVar("Command", bound=Callable[..., Any])
Group = TypeVar("Group", bound=Settings)

# What a user types where the field's own name carries a unit or is a word of its own.
_FLAGS: Mapping[str, tuple[str, str | None]] = {"size_px": ("--size", "PX"), "min_size_px": ("--min-size", "PX")}


def settings_options(group: type[Settings], *, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Add an option for every setting of a group but those that the command decides by itself."""

    def decorate(command: Command) -> Command:
        for each in reversed(described(group)):
            command = command if each.name in without else _option(each)(command)
        return command

    return decorate


def settings_from(group: type[Group], options: Mapping[str, Any], **decided: Any) -> Group:
    """Pick the settings of a group out of a command's options, but for those that the command has decided."""
    chosen = {each.name: options[each.name] for each in described(group) if each.name in options}
    return group(**chosen, **decided)


def _option(each: Described) -> Callable[[Command], Command]:
    name = each.name.replace("_", "-")
    flag, metavar = _FLAGS.get(each.name, (f"--{name}/--no-{name}" if each.kind is bool else f"--{name}", None))
    kind = click.Choice([str(choice) for choice in each.choices]) if each.choices else each.kind
    return click.option(
        flag,
        each.name,
        type=None if each.kind is bool else kind,
        default=each.default,
        show_default=each.default is not None,
        metavar=metavar,
        help=_sentence(each.limits.text),
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
