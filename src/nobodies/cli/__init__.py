"""The command line: one file a command, arguments in, messages out."""

from nobodies.cli.main import main

__all__ = ["main"]
