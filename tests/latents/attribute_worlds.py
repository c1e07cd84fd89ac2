"""A world for tests in which attributes are known functions of the style codes."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from nobodies.latents.attributes import AttributeModel, sigmoid
from nobodies.latents.fitting import fit_attributes
from nobodies.latents.vocabulary import ATTRIBUTES

Float = NDArray[np.float64]

WIDTH = 24
FINGERPRINT = "0123456789abcdef" * 4


def style_codes(count: int, seed: int = 0) -> Float:
    """Correlated codes whose spread differs widely from direction to direction, [count, WIDTH]."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(WIDTH, WIDTH)) * np.linspace(0.1, 1.5, WIDTH)
    codes: Float = 0.5 + random.normal(size=(count, WIDTH)) @ mixing.T
    return codes


def truth(w: Float) -> dict[str, Float]:
    """The attributes as they really are: numbers and chances that depend on the code in straight lines."""
    rows = np.random.default_rng(7).normal(size=(len(ATTRIBUTES), WIDTH))
    rows /= np.linalg.norm(rows @ np.linalg.cholesky(np.cov(style_codes(4000).T)), axis=1, keepdims=True)
    along = (w - 0.5) @ rows.T
    scale = {"age": (40.0, 12.0), "yaw": (0.0, 12.0), "pitch": (0.0, 6.0)}
    labels = {}
    for row, (name, attribute) in enumerate(ATTRIBUTES.items()):
        middle, width = scale.get(name, (50.0, 12.0))
        labels[name] = middle + width * along[:, row] if attribute.kind == "number" else sigmoid(4 * along[:, row])
    return labels


@cache
def fitted(count: int = 1500, noise: float = 0.1) -> AttributeModel:
    """An attribute model fitted in this world, on labels that are a little off."""
    w = style_codes(count)
    random = np.random.default_rng(5)
    labels = {name: label + noise * label.std() * random.normal(size=count) for name, label in truth(w).items()}
    labels = {
        name: np.clip(label, 0, 1) if ATTRIBUTES[name].kind == "chance" else label for name, label in labels.items()
    }
    return fit_attributes(
        w, labels, style_codes(3000, 1), model="world", weights=FINGERPRINT, labelled_by={"age": "the world itself"}
    )
