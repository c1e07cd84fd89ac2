"""Exports: a model as one graph for another runtime, or as a page that makes faces in the browser."""

import importlib.util
import secrets
import shutil
from pathlib import Path
from typing import Final, Literal, get_args

from nobodies.errors import DependencyError, OutputError, SettingError
from nobodies.exports.changing import with_changes
from nobodies.exports.plan import Inputs, Plan, plan_for
from nobodies.files import explained, make_folder, write_atomic
from nobodies.models import Model

Target = Literal["onnx", "openvino", "tensorflow", "litert", "exported-program", "web"]

__all__ = ["Inputs", "Plan", "Target", "export", "plan_for"]

_NEEDS: Final = {
    "onnx": ("onnx", "onnx"),
    "web": ("onnx", "onnx"),
    "tensorflow": ("tensorflow", "tensorflow"),
    "litert": ("tensorflow", "tensorflow"),
    "exported-program": ("torch", "train"),
}
"""Module that a target needs, and the extra that brings it."""


def export(
    model: Model,
    target: Target,
    folder: Path,
    *,
    takes: Inputs = "z",
    batch: int | None = 1,
    half: bool = False,
    runtime: Path | None = None,
) -> Path:
    """Write a model for another runtime, with a card that says how to call it and where it comes from.

    Args:
        model: what to export.
        target: "onnx", "openvino", "tensorflow" (a SavedModel), "litert", "exported-program" (PyTorch), or "web", a
            page that makes faces in the browser.
        folder: the folder to make; it must not exist.
        takes: "z" for latent codes and truncation, "ws" for a style code a layer.
        batch: pictures a run; None leaves it open.
        half: keep the weights in 16 bits; not for "tensorflow" and "exported-program".
        runtime: for "web", the file of onnxruntime-web as npm packs it; fetched through the user's own npm if None.

    Returns:
        The folder.

    Raises:
        SettingError: the target does not exist or does not take these settings.
        DependencyError: what the target needs is not installed.
        OutputError: the folder exists or cannot be written. Nothing is left behind.
        WeightsError: the model cannot be exported.
    """
    _check(target, takes, batch, half)
    plan = plan_for(model, takes=takes, batch=batch, half=half)
    if target == "web":
        plan = with_changes(plan)
    if folder.exists():
        raise OutputError(f"{folder} exists: remove it, or choose another with '--out'")
    make_folder(folder.parent)
    staging = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        make_folder(staging)
        with explained(folder):
            _write(plan, target, staging, runtime)
            write_atomic(staging / "README.md", plan.card().encode())
            staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _check(target: str, takes: str, batch: int | None, half: bool) -> None:
    if target not in get_args(Target):
        raise SettingError(f"target is {target!r}: choose one of {', '.join(get_args(Target))}")
    if takes not in get_args(Inputs):
        raise SettingError(f"takes is {takes!r}: choose one of {', '.join(get_args(Inputs))}")
    if batch is not None and not 1 <= batch <= 1024:
        raise SettingError(f"batch is {batch}: choose 1 to 1024, or leave it open")
    if half and target in ("tensorflow", "exported-program"):
        raise SettingError("16-bit weights are for onnx, openvino, litert and web: leave '--half' out")
    if target == "litert" and batch is None:
        raise SettingError("LiteRT wants a fixed number of pictures a run: give '--batch'")
    if target == "web" and (takes, batch) != ("z", 1):
        raise SettingError("the page makes one face at a time from latent codes: leave inputs and batch out")
    module, extra = _NEEDS.get(target, ("", ""))
    if module and not importlib.util.find_spec(module):
        raise DependencyError(f"exporting to {target} needs {module}: run 'pip install \"nobodies[{extra}]\"'")


def _write(plan: Plan, target: Target, folder: Path, runtime: Path | None) -> None:
    match target:
        case "onnx":
            from nobodies.exports import onnx_graph

            write_atomic(folder / "model.onnx", onnx_graph.build(plan))
        case "openvino":
            from nobodies.exports import openvino_graph

            openvino_graph.save(plan, folder / "model.xml")
        case "tensorflow":
            from nobodies.exports import tensorflow_graph

            tensorflow_graph.save(plan, folder)
        case "litert":
            from nobodies.exports import tensorflow_graph

            write_atomic(folder / "model.tflite", tensorflow_graph.convert(plan))
        case "exported-program":
            from nobodies.exports import program

            program.save(plan, folder / "model.pt2")
        case "web":
            from nobodies.exports import web

            web.write(plan, folder, runtime)
