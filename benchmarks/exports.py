"""Print how far each export of the default model agrees with the engine in f32, and its size.

    python -m benchmarks.exports

Wants onnx and onnxruntime, and runs what else is installed of the extras 'train' and 'tensorflow'.
"""

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nobodies.engines import open_engine
from nobodies.exports import Target, export
from nobodies.generator import Generator
from nobodies.latents import z_from_seed
from nobodies.models import Store
from nobodies.settings import DEFAULT_MODEL, EngineSettings, FaceSettings

SEEDS = (1, 2, 3)


def run_onnx(folder: Path) -> Callable[[Any, Any], Any]:
    """Give a call into onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return lambda z, psi: session.run(["image"], {"z": z, "psi": psi})[0]


def run_openvino(folder: Path) -> Callable[[Any, Any], Any]:
    """Give a call into OpenVINO."""
    import openvino

    compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda z, psi: compiled({"z": z, "psi": psi})["image"]


def run_program(folder: Path) -> Callable[[Any, Any], Any]:
    """Give a call into PyTorch."""
    import torch

    program = torch.export.load(folder / "model.pt2").module()
    return lambda z, psi: program(torch.from_numpy(z), torch.from_numpy(psi)).detach().numpy()


def run_tensorflow(folder: Path) -> Callable[[Any, Any], Any]:
    """Give a call into TensorFlow."""
    import tensorflow as tf

    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return lambda z, psi: signature(z=tf.constant(z), psi=tf.constant(psi))["image"].numpy()


def run_litert(folder: Path) -> Callable[[Any, Any], Any]:
    """Give a call into LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(folder / "model.tflite")).get_signature_runner()
    return lambda z, psi: runner(z=z, psi=psi)["image"]


RUNTIMES: dict[Target, Callable[[Path], Callable[[Any, Any], Any]]] = {
    "onnx": run_onnx,
    "openvino": run_openvino,
    "tensorflow": run_tensorflow,
    "litert": run_litert,
    "exported-program": run_program,
}
MODULES: dict[Target, str] = {"tensorflow": "tensorflow", "litert": "ai_edge_litert", "exported-program": "torch"}


def main() -> None:
    """Export, run and compare."""
    model = Store().load(DEFAULT_MODEL)
    engine = open_engine(model, EngineSettings(precision="f32"), compiled_folder=None)
    z = np.stack([z_from_seed(seed, engine.z_dim) for seed in SEEDS])
    wanted = engine.synthesize_float(Generator(model, engine).styles(z, FaceSettings()))
    for target, runtime in RUNTIMES.items():
        if not importlib.util.find_spec(MODULES.get(target, target)):
            continue
        for half in (False, True) if target not in ("tensorflow", "exported-program") else (False,):
            with tempfile.TemporaryDirectory() as scratch:
                folder = export(model, target, Path(scratch) / "out", batch=len(SEEDS), half=half)
                size_mb = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6
                drawn = runtime(folder)(z, np.array(0.7, np.float32))
            error = np.mean(np.square(drawn - wanted, dtype=np.float64))
            print(
                f"{target}{', 16-bit weights' if half else ''}: {size_mb:.1f} MB, {10 * np.log10(4 / error):.1f} dB"
            )


if __name__ == "__main__":
    main()
