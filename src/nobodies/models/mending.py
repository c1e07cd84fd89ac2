"""Mends for weights that were published with a fault: tensors that come to those of the model.

The default model draws a regular grid over its pictures. Its mend is the grid's constant part, which has whoever
draws take the whole grid out; see `nobodies.models.architectures.grid`. tools/measure_grid.py made it.

The weights on disk stay as they came, so that their checksum is that of the catalogue and they can be compared with
the graph that their author shipped.
"""

import hashlib
import json
from functools import cache
from importlib.resources import as_file, files
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
    tensors, checksum = _read(name, model.description.weights_sha256)
    return Model(model.description, {**model.tensors, **tensors}, checksum)


def to_bytes(tensors: dict[str, NDArray[np.float32]], weights_sha256: str) -> bytes:
    """Write a mend; the same arguments give the same bytes.

    Args:
        tensors: what comes to the model's own, or in their place, by name.
        weights_sha256: checksum of the weights that it is for.
    """
    from safetensors.numpy import save

    about = json.dumps({"format": FORMAT, "weights_sha256": weights_sha256})
    return bytes(save(dict(sorted(tensors.items())), metadata={"nobodies": about}))


@cache
def _read(name: str, weights_sha256: str) -> tuple[dict[str, NDArray[Any]], str]:
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load

    path = files("nobodies.models") / "mends" / name
    try:
        content = path.read_bytes()
        with as_file(path) as file, safe_open(file, "numpy") as opened:
            about = json.loads(opened.metadata()["nobodies"])
        if about != {"format": FORMAT, "weights_sha256": weights_sha256}:
            raise WeightsError(f"the mend {name} is for other weights: install nobodies again")
        return load(content), hashlib.sha256(content).hexdigest()
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"the mend {name} is missing or damaged: install nobodies again") from error
