"""What the commands that draw single pictures share: options, making the model ready, writing the picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from PIL import Image

from nobodies.cli.models import TerminalWatcher
from nobodies.cli.options import Command, settings_from, settings_options
from nobodies.files import make_folder, write_atomic
from nobodies.generator import Generator
from nobodies.imaging import format_of
from nobodies.provenance import encode_marked
from nobodies.settings import DEFAULT_MODEL, EngineSettings, FaceSettings, Layout


def generator_options(command: Command) -> Command:
    """Add the options that choose a model, how its faces are drawn, and how it is run."""
    command = settings_options(EngineSettings, without=("layout",))(command)
    command = settings_options(FaceSettings)(command)
    return click.option("--model", default=DEFAULT_MODEL, show_default=True, help="See 'nobodies models list'.")(
        command
    )


def open_generator(options: Mapping[str, Any], layout: Layout = "latency") -> Generator:
    """Make the chosen model ready, showing licence and download where it is new."""
    engine = settings_from(EngineSettings, options, layout=layout)
    with TerminalWatcher() as watcher:
        return Generator.load(options["model"], engine=engine, watcher=watcher)


def face_settings(options: Mapping[str, Any]) -> FaceSettings:
    """Give the settings that faces are drawn with."""
    return settings_from(FaceSettings, options)


def write_picture(path: Path, image: Image.Image, made_from: Mapping[str, Any]) -> None:
    """Write a picture, marked as generated, in the format that its name says; its folder is made if missing."""
    format_of(path)
    make_folder(path.parent)
    write_atomic(path, encode_marked(image, made_from, format=format_of(path)))
