"""Running the command line in process, on a generator made of numpy."""

from collections.abc import Callable
from typing import Any

import pytest

from nobodies.cli import main
from nobodies.errors import ModelError
from nobodies.generator import Generator

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as leaving:
            main([str(each) for each in arguments])
        output = capsys.readouterr()
        return int(leaving.value.code or 0), output.out, output.err

    return call


@pytest.fixture
def run_tiny(run: Run, generator: Generator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command with the tiny generator in the place of the real one."""

    def load(model: str, **_: Any) -> Generator:
        if model != "tiny":
            raise ModelError(f"unknown model '{model}'")
        return generator

    monkeypatch.setattr(Generator, "load", load)
    return lambda command, *arguments: run(command, "--model", "tiny", *arguments)
