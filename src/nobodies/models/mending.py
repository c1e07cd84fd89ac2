"""Mends for weights that were published with a fault: small numbers that are added to some of their tensors.

The default model draws a regular grid over its pictures. Each inverse Haar transform inside it puts the mean of its
detail bands into the picture as a pattern of period 2 at that side, which reaches the picture with a period of 4, 8,
16 or 32 px. What is added here takes the pattern out, and changes nothing that the eye can see; tools/mend_grid.py
computes it, docs/results-quality.md has the figures. Being in the weights, it costs no time.

The weights on disk stay as they came, so that their checksum is that of the catalogue and they can be compared with
the graph that their author shipped.
"""

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.models.native import Model

FORMAT: Final = 1
_MENDS: Final = {
    "5c956e4ce9f3fd7d0da2312a7c5a0687d3a9710d5aa28baa9f09ce0053853955": "mobile-ffhq-1024.safetensors",
}
"""The file of each mend, in the folder `mends`, by the checksum of the weights that it is for."""


def mended(model: Model) -> Model:
    """Give a model without its known fault.

    Args:
        model: weights as they came.

    Returns:
        The same description with mended tensors; the model itself if no fault of it is known, or if it was mended.

    Raises:
        WeightsError: the installation is damaged: the mend is not for these weights.
    """
    name = _MENDS.get(model.description.weights_sha256)
    if name is None or model.mend:
        return model
    added, checksum = _read(name)
    return Model(model.description, {**model.tensors, **_sums(model, added)}, checksum)


def to_bytes(added: dict[str, NDArray[np.float16]], weights_sha256: str) -> bytes:
    """Write a mend; the same arguments give the same bytes.

    Args:
        added: what to add to tensors, by their names.
        weights_sha256: checksum of the weights that it is for.
    """
    from safetensors.numpy import save

    about = json.dumps({"format": FORMAT, "weights_sha256": weights_sha256})
    return bytes(save(dict(sorted(added.items())), metadata={"nobodies": about}))


@cache
def _read(name: str) -> tuple[dict[str, NDArray[Any]], str]:
    from safetensors.numpy import load

    content = (files("nobodies.models") / "mends" / name).read_bytes()
    return load(content), hashlib.sha256(content).hexdigest()


def _sums(model: Model, added: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    sums = {}
    for name, values in added.items():
        if name not in model.tensors or model.tensors[name].shape != values.shape:
            raise WeightsError(f"the mend of {model.name} does not fit its '{name}': install nobodies again")
        sums[name] = model.tensors[name] + values.astype(np.float32)
    return sums
