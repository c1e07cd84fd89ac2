"""The `nobodies` command: finds the subcommand, and turns errors into one line and an exit code."""

import importlib
import sys

import click

from nobodies._version import __version__
from nobodies.errors import NobodiesError

# One line of help a command, so that `nobodies --help` imports none of them.
COMMANDS = {
    "generate": "Make portraits of people who do not exist.",
    "bulk": "Make a large set of labelled portraits, on many cores or machines.",
    "edit": "Change a face: older, smiling, without glasses, turned.",
    "mix": "Mix faces, layer by layer, or find the face between several.",
    "morph": "Make a film of faces that turn into each other.",
    "attributes": "Show what can be wished for and changed; fit it for a model.",
    "project": "Find the invented person who looks most like a photograph.",
    "directions": "Find directions of change that nobody labelled.",
    "detect": "Find, follow and hide faces in pictures, videos, a camera or the screen.",
    "models": "List, fetch, check and remove models.",
    "dataset": "Turn pictures into a dataset to train on.",
    "train": "Train a generator on your own pictures.",
    "runs": "Look at training runs.",
    "evaluate": "Measure how good and how varied a generator is.",
    "verify": "Say which marks of generated pictures a file carries.",
    "inspect": "Say what in a picture looks generated, and why.",
    "audit": "Measure how alike faces are, among themselves and to real people.",
    "block": "Never give out a face that resembles a person.",
    "serve": "Serve the site and its API on this machine.",
    "keys": "Keep the API keys that several servers share.",
    "bench": "Measure speed and memory on this machine.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"nobodies.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: D102
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nobodies")
def cli() -> None:
    """Photorealistic portraits of people who do not exist, on an ordinary CPU."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process.

    Exit codes: 0 done; 2 the input was wrong or something is missing, and one line on standard error says what;
    130 interrupted.
    """
    try:
        # Commands return nothing; what comes back is the exit code of `--help` and the like, or None.
        sys.exit(cli.main(arguments, prog_name="nobodies", standalone_mode=False))
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        sys.exit(130)
    except click.UsageError as error:
        hint = f" See '{error.ctx.command_path} --help'." if error.ctx else ""
        _complain(error.format_message().rstrip(".") + "." + hint)
        sys.exit(2)
    except (click.ClickException, NobodiesError) as error:
        _complain(error.format_message() if isinstance(error, click.ClickException) else str(error))
        sys.exit(2)


def _complain(message: str) -> None:
    click.echo(f"nobodies: {message}", err=True)
