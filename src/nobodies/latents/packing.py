"""Arrays and a few words about them in one safetensors file: how everything fitted is kept."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def pack(arrays: Mapping[str, NDArray[Any]], *, format: str, **about: Any) -> bytes:
    """Write a file. The same content gives the same bytes.

    Args:
        arrays: by name.
        format: what kind of file it is, and in which version.
        about: anything else, in JSON values.
    """
    from safetensors.numpy import save

    # One entry of metadata: the library writes several in an order that varies.
    kept = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return bytes(save(kept, metadata={"nobodies": json.dumps({"format": format} | about)}))


def unpack(data: bytes, *, format: str) -> tuple[Arrays, dict[str, Any]]:
    """Read what `pack` wrote: the arrays, and what is said about them.

    Raises:
        ValueError: it is damaged, or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: Arrays = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about: dict[str, Any] = json.loads(header["__metadata__"]["nobodies"])
        found = about["format"]
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    if found != format:
        raise ValueError(f"its format is {found!r}")
    return arrays, about
