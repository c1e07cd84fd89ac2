"""Attributes of the tiny generator: each is read from one number of its style code."""

from pathlib import Path

import numpy as np

from nobodies.choosing import attributes_file, index_file
from nobodies.files import make_folder
from nobodies.latents.attributes import AttributeModel, Card, Fit
from nobodies.latents.seed_index import SeedIndex
from tests.conftest import NumpyEngine, tiny_model

# Of a code that is tanh of a normal number, 0.63 is one deviation.
SLOPES = {"age": 25.0, "woman": 8.0, "smile": 8.0, "eyeglasses": 8.0, "sunglasses": 8.0, "beard": 8.0, "yaw": 30.0}
SLOPES["skin_lightness"] = 20.0
MIDDLES = {"age": 40.0, "eyeglasses": -3.0, "sunglasses": -4.0, "skin_lightness": 62.0}


def tiny_attributes() -> AttributeModel:
    """Give attributes that are exactly right about the tiny generator."""
    names = list(SLOPES)
    fits = {name: Fit("nobody", 0.0, 1.0, 1.0, 0.0) for name in names}
    sure = np.array([np.nan if name in ("age", "yaw", "skin_lightness") else 0.8 for name in names], np.float32)
    arrays = {
        "weights": np.eye(len(names), 8, dtype=np.float32) * np.array(list(SLOPES.values()), np.float32)[:, None],
        "intercepts": np.array([MIDDLES.get(name, 0.0) for name in names], np.float32),
        "w_mean": np.full(8, 0.5, np.float32),
        "components": np.eye(8, dtype=np.float32) * np.float32(0.63),
        "floor": np.array(1e-3, np.float32),
        "sure_yes": sure,
        "sure_no": 1 - sure,
    }
    card = Card("tiny", tiny_model().fingerprint, 0, 0, fits, {})
    return AttributeModel(card, arrays)


def install(*, index: SeedIndex | None = None) -> Path:
    """Put them where a user's own attributes are looked for."""
    path = attributes_file("tiny")
    make_folder(path.parent)
    path.write_bytes(tiny_attributes().to_bytes())
    if index is not None:
        index_file("tiny").write_bytes(index.to_bytes())
    return path


def tiny_index(num_seeds: int) -> SeedIndex:
    """Index the first seeds of the tiny generator."""
    from nobodies.latents import z_from_seeds

    return SeedIndex.build(tiny_attributes(), [NumpyEngine().map(z_from_seeds(range(num_seeds), 8))])
