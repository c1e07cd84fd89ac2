import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nobodies import __version__
from nobodies.cli import main as entry
from nobodies.cli.main import COMMANDS, cli
from tests.cli.conftest import Run

SOURCE = Path(entry.__code__.co_filename).parents[2]


def test_help_and_version(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert all(name in out for name in COMMANDS)
    assert run("--version")[1].strip() == f"nobodies, version {__version__}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_help(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: nobodies {name}")
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert COMMANDS[name]


def test_an_unknown_command_or_option_is_one_line(run: Run) -> None:
    for arguments in (["portray"], ["generate", "--bad"], ["models", "show"], ["generate", "--count", "many"]):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("nobodies: ")
        assert err.count("\n") == 1


def test_an_interrupt_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nobodies.models.Store.entries", interrupted)
    code, out, err = run("models", "list")
    assert (code, out, err.strip()) == (130, "", "nobodies: interrupted")


def test_a_bug_shows_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("nobodies.models.Store.entries", buggy)
    with pytest.raises(ZeroDivisionError):
        entry(["models", "list"])


@pytest.mark.parametrize("code", ["import nobodies", "from nobodies.cli import main; main(['--help'])"])
def test_a_light_start_loads_nothing_heavy(code: str) -> None:
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    process = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in process.stderr.split()}
    assert not loaded & {"openvino", "torch", "fastapi", "numpy", "PIL", "tqdm", "av"}
