"""Fit the linear probes that read glasses and beards from EfficientNet-Lite0's features, and say how good they are.

    python -m tools.fit_probes FACES

FACES is a folder of pictures named SEED.jpg with the faces of tools/labels. Writes probes.safetensors next to the
shipped nets and prints the AUC on held-out faces (five folds). Sunglasses are told apart from eyeglasses by a second
probe that sees faces with glasses only, since it has few examples to learn from.
"""

import argparse
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nobodies.files import write_atomic
from nobodies.vision import efficientnet, fetched
from tools.convert_vision_weights import OUTPUT, update_manifest
from tools.label_faces import CROPS, face_of, read_labels

Array = npt.NDArray[Any]

LABELS = Path(__file__).parent / "labels"
FOLDS = 5
PENALTY = 100.0
NEWTON_STEPS = 15


def features(crop: str, seeds: Iterable[int], folder: Path) -> Array:
    """Features of one crop of each face, [N, 1280]; a face that is not found gives NaN."""
    net = fetched.feature_net()
    rows = []
    for seed in seeds:
        face = face_of(seed, folder)
        rows.append(
            net(CROPS[crop](*face, efficientnet.INPUT_PX))["features"][0]
            if face
            else np.full(efficientnet.NUM_FEATURES, np.nan)
        )
    return np.array(rows, np.float64)


def fit(x: Array, y: Array) -> Array:
    """Logistic regression with a quadratic penalty on standardised features, by Newton's method.

    Args:
        x: features, [N, F].
        y: 0 or 1, [N].

    Returns:
        Weights and, last, the constant, [F + 1], for features as they come.
    """
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
    z = np.column_stack([(x - mean) / deviation, np.ones(len(x))])
    penalty = np.diag([PENALTY] * x.shape[1] + [1e-6])
    weights = np.zeros(z.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-z @ weights))
        gradient = z.T @ (p - y) + penalty @ weights
        weights -= np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + penalty, gradient)
    scaled = weights[:-1] / deviation
    return np.append(scaled, weights[-1] - scaled @ mean)


def held_out(x: Array, y: Array) -> Array:
    """Logits for each face from probes that have not seen it, [N]."""
    fold = np.random.default_rng(0).permutation(len(y)) % FOLDS
    logits = np.empty(len(y))
    for number in range(FOLDS):
        probe = fit(x[fold != number], y[fold != number])
        logits[fold == number] = x[fold == number] @ probe[:-1] + probe[-1]
    return logits


def area_under_curve(logits: Array, y: Array) -> float:
    """Probability that a positive face scores higher than a negative one."""
    positive, negative = logits[y == 1], logits[y == 0]
    above = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    return float(above)


def report(name: str, x: Array, y: Array) -> None:
    """Print how well a probe does on faces it was not fitted to."""
    logits = held_out(x, y)
    area, right = area_under_curve(logits, y), ((logits > 0) == (y == 1)).mean()
    print(f"{name}: {int(y.sum())} of {len(y)} faces; held out: AUC {area:.4f}, right {right:.3f}")


def main() -> None:
    """Fit, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    arguments = parser.parse_args()
    from safetensors.numpy import save

    probes: dict[str, Array] = {}
    seeds, labels = _labelled("glasses")
    x = features("eyes", seeds, arguments.faces)
    worn = labels != "none"
    tasks = {
        "glasses": (x, worn),
        "sunglasses": (x[worn], labels[worn] == "sunglasses"),
    }
    seeds, labels = _labelled("beard")
    tasks["beard"] = (features("mouth", seeds, arguments.faces), labels == "beard")
    for name, (given, truth) in tasks.items():
        found = ~np.isnan(given[:, 0])
        report(name, given[found], truth[found].astype(float))
        probes[name] = fit(given[found], truth[found].astype(float)).astype(np.float32)
    content = save(probes)
    write_atomic(OUTPUT / "probes.safetensors", content)
    entry = {
        "package": "tools/fit_probes.py of this project",
        "licence": "Apache-2.0",
        "origin": "the labels of tools/labels on features of the model efficientnet-lite0",
        "files": {"probes.safetensors": hashlib.sha256(content).hexdigest()},
    }
    update_manifest(OUTPUT, {"probes": entry})


def _labelled(table: str) -> tuple[list[int], Array]:
    labels = {seed: label for (seed, _), label in read_labels(LABELS / f"{table}.csv").items() if label != "unclear"}
    return list(labels), np.array(list(labels.values()))


if __name__ == "__main__":
    main()
