"""Compare the shipped nets with the published ones run by TF.js, an independent implementation.

    npm install --prefix NODE @tensorflow/tfjs
    python -m tools.check_vision_weights --packages PACKAGES --node NODE --picture face.jpg

PACKAGES holds the two npm archives (see convert_vision_weights), NODE the folder where TF.js was installed. Prints,
for each output, the largest difference as a share of the largest value.
"""

import argparse
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nobodies.imaging.decode import read_pixels
from nobodies.vision import nets
from nobodies.vision.pictures import resize
from tools.convert_vision_weights import FACE_API, HUMAN, RECIPES, fetch
from tools.mesh_points import LEFT_EYE, LIPS, RIGHT_EYE

Array = npt.NDArray[Any]


def published(folder: Path, name: str, output: str) -> Array:
    """What TF.js answered."""
    return np.fromfile(folder / f"{name}.{output}.f32", np.float32)


def expected(folder: Path) -> dict[tuple[str, str], Array]:
    """The outputs of TF.js, put together as the shipped nets give them."""
    mesh = published(folder, "landmarks", "Identity_4").reshape(468, 3)
    for points, part in ((LIPS, "Identity_3"), (RIGHT_EYE, "Identity_1"), (LEFT_EYE, "Identity_5")):
        mesh[list(points), :2] = published(folder, "landmarks", part).reshape(-1, 2)
    logits = [published(folder, "detector", part) for part in ("Identity", "Identity_1")]
    boxes = [published(folder, "detector", part) for part in ("Identity_2", "Identity_3")]
    return {
        ("detector", "logits"): np.concatenate(logits),
        ("detector", "boxes"): np.concatenate(boxes),
        ("landmarks", "points"): mesh.ravel(),
        ("landmarks", "presence"): published(folder, "landmarks", "Identity"),
        ("person", "mask"): published(folder, "person", "activation_10"),
        ("emotion", "probabilities"): published(folder, "emotion", "Identity"),
        ("expression", "probabilities"): published(folder, "expression", "output"),
        ("age_appearance", "age"): published(folder, "age_appearance", "age"),
        ("age_appearance", "appearance"): published(folder, "age_appearance", "gender"),
        ("identity", "embedding"): published(folder, "identity", "output"),
    }


def main() -> None:
    """Write inputs, run both, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--node", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True, help="a picture of a face, square")
    arguments = parser.parse_args()
    pixels = read_pixels(arguments.picture)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        roots = []
        for package in (HUMAN, FACE_API):
            root = folder / package.archive
            with tarfile.open(fetch(package, arguments.packages)) as tar:
                tar.extractall(root, filter="data")
            roots.append(str(root / "package"))
        answers = {}
        for name in RECIPES:
            net = nets.shipped(name)
            given = resize(pixels, net.size_px, net.size_px)
            (folder / f"{name}.u8").write_bytes(given.tobytes())
            answers[name] = net(given)
        script = Path(__file__).with_name("run_tfjs.mjs").resolve()
        subprocess.run(["node", str(script), scratch, *roots], cwd=arguments.node, check=True)
        for (name, output), wanted in expected(folder).items():
            found = answers[name][output].ravel()[: wanted.size]
            error = np.abs(found - wanted).max() / np.abs(wanted).max()
            print(f"{name:15} {output:14} {wanted.size:6} numbers, largest difference {error:.1e} of the largest")


if __name__ == "__main__":
    main()
