"""The native format of a model: a folder with `weights.safetensors` and `config.json`. Data, never code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import WeightsError
from nobodies.files import map_bytes, write_atomic
from nobodies.models.catalogue import LicenceLink

Array = NDArray[Any]

FORMAT_VERSION: Final = 1
CONFIG_NAME: Final = "config.json"
WEIGHTS_NAME: Final = "weights.safetensors"
_MOST_CONFIG_BYTES: Final = 1 << 20
_MOST_WEIGHTS_BYTES: Final = 4 << 30
_TYPES: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "<u1", "BOOL": "<b1"}
_KEYS: Final = frozenset({"format_version", "name", "title", "network", "source", "licence_chain", "weights_sha256"})


@dataclass(frozen=True, slots=True)
class Description:
    """What `config.json` says of a model."""

    name: str
    title: str
    network: Mapping[str, Any]
    """The architecture and its sizes, as the engine needs them."""
    source: str
    licence_chain: tuple[LicenceLink, ...]
    weights_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model in memory: its description and its tensors by name."""

    description: Description
    tensors: Mapping[str, Array]
    mend: str = ""
    """Checksum of what was added to the weights as they came, in hexadecimal; empty if nothing was."""

    @property
    def name(self) -> str:
        """The name it is known by."""
        return self.description.name

    @property
    def fingerprint(self) -> str:
        """16 digits that stand for the weights it draws with: equal exactly when the weights are."""
        if not self.mend:
            return self.origin
        return hashlib.sha256(f"{self.description.weights_sha256} {self.mend}".encode()).hexdigest()[:16]

    @property
    def origin(self) -> str:
        """16 digits that stand for the weights as they came. A code means the same face, mended or not."""
        return self.description.weights_sha256[:16]


def save(model: Model, folder: Path) -> Model:
    """Write a model.

    Args:
        model: what to write; the checksum in its description is made anew.
        folder: an existing folder. The weights are written first, so a folder with a configuration is whole.

    Returns:
        The model with its checksum filled in.

    Raises:
        OutputError: the folder cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    data = to_bytes({name: tensor.copy("C") for name, tensor in sorted(model.tensors.items())})
    described = asdict(model.description) | {"weights_sha256": hashlib.sha256(data).hexdigest()}
    write_atomic(folder / WEIGHTS_NAME, data)
    text = json.dumps({"format_version": FORMAT_VERSION, **described}, indent=2, ensure_ascii=False)
    write_atomic(folder / CONFIG_NAME, text.encode() + b"\n")
    return Model(_description(json.loads(text), folder), model.tensors)


def read_description(folder: Path) -> Description:
    """Read `config.json` of a model's folder.

    Raises:
        WeightsError: it is missing, too large, not JSON, or not of this format.
    """
    path = folder / CONFIG_NAME
    try:
        if path.stat().st_size > _MOST_CONFIG_BYTES:
            raise WeightsError(f"{path} is over {_MOST_CONFIG_BYTES} bytes: it is not a model's configuration")
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise WeightsError(f"{folder} is not a model: it has no {CONFIG_NAME}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} cannot be read ({error}): fetch or convert the model again") from error
    return _description(content, folder)


def load(folder: Path) -> Model:
    """Read a model and check its weights against their checksum.

    Args:
        folder: one that `save` has written.

    Raises:
        WeightsError: a file is missing, damaged, or not of this format.
    """
    description = read_description(folder)
    path = folder / WEIGHTS_NAME
    try:
        if path.stat().st_size > _MOST_WEIGHTS_BYTES:
            raise WeightsError(f"{path} is over {_MOST_WEIGHTS_BYTES} bytes: larger models are not read")
        data = map_bytes(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): fetch or convert the model again") from error
    if hashlib.sha256(data).hexdigest() != description.weights_sha256:
        raise WeightsError(f"{path} is damaged: its checksum is not the one noted; fetch or convert the model again")
    return Model(description, _tensors(path, data))


def _tensors(path: Path, data: memoryview) -> dict[str, Array]:
    """Give the tensors of a safetensors file where they lie in it, so that processes share them."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass  # it looks at the header: names, types, shapes, and that all lie within the file without gaps
        header_bytes = int.from_bytes(data[:8], "little")
        header = json.loads(bytes(data[8 : 8 + header_bytes]))
        content = data[8 + header_bytes :]
        return {
            name: np.frombuffer(content[slice(*each["data_offsets"])], _TYPES[each["dtype"]]).reshape(each["shape"])
            for name, each in header.items()
            if name != "__metadata__"
        }
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file ({error})") from error
    except KeyError as error:
        raise WeightsError(f"{path} holds numbers of type {error}: weights are float32") from error


def _description(content: Any, folder: Path) -> Description:
    path = folder / CONFIG_NAME
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
        raise WeightsError(f"{path} is not of format {FORMAT_VERSION}: fetch or convert the model again")
    if content.keys() != _KEYS:
        odd = ", ".join(sorted(content.keys() ^ _KEYS))
        raise WeightsError(f"{path} has unknown or missing entries: {odd}")
    values = {key: value for key, value in content.items() if key != "format_version"}
    try:
        chain = tuple(LicenceLink(**link) for link in values.pop("licence_chain"))
        return Description(licence_chain=chain, **values)
    except TypeError as error:
        raise WeightsError(f"{path} has a licence chain that cannot be read ({error})") from error
