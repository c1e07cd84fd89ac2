"""The nets shipped with the package: verified, compiled for the CPU at f32, and called with bytes.

bfloat16, which OpenVINO would choose by itself where the processor has it, moves what these nets say (ages by up to
ten years on single faces), so f32 is asked for on purpose.
"""

import hashlib
import json
import logging
import threading
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nobodies.errors import ModelError, ShapeError, WeightsError

if TYPE_CHECKING:
    import openvino as ov

Array = npt.NDArray[Any]

_log = logging.getLogger(__name__)


_num_threads = 0


def limit_threads(number: int) -> None:
    """Let every net that is compiled from now on in this process look at so many pictures at once, on a thread each.

    0 goes back to all cores for one picture.
    """
    global _num_threads
    _num_threads = number


class Net:
    """A compiled net. May be called from several threads at once."""

    def __init__(self, model: "ov.Model", name: str, *, threads: int = 0, bf16: bool = False) -> None:
        """Compile a graph.

        Args:
            model: the graph.
            name: what it is called in messages.
            threads: to run on; 0 for all cores. One is the share of a net that runs beside the drawing.
            bf16: where the processor has it; for a net that stands this.
        """
        import openvino as ov

        self.name = name
        core = ov.Core()
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,  # as for engines: bound threads of several nets would wait for one core
        }
        if threads := _num_threads or threads:
            settings |= {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": threads}
        if bf16 and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            settings["INFERENCE_PRECISION_HINT"] = "bf16"
        self._compiled = core.compile_model(model, "CPU", settings)
        self._outputs = tuple(output.get_any_name() for output in self._compiled.outputs)
        self._input = self._compiled.input(0)
        self._shape = tuple(self._input.shape)
        self._own = threading.local()

    @property
    def size_px(self) -> int:
        """Side of the square picture that the net takes."""
        return int(self._shape[1])

    def __call__(self, picture: Array) -> dict[str, Array]:
        """Run the net on one picture.

        Args:
            picture: the net's own input without the batch, such as uint8 [H, W, 3] RGB.

        Returns:
            Outputs by name, each with its batch of one.

        Raises:
            ShapeError: the picture does not have the net's size.
        """
        if picture.shape != self._shape[1:]:
            raise ShapeError(f"{self.name} takes {list(self._shape[1:])}, got {list(picture.shape)}")
        request = self._request()
        request.infer({0: np.ascontiguousarray(picture)[None]}, share_inputs=True)
        return {name: request.get_output_tensor(i).data.copy() for i, name in enumerate(self._outputs)}

    def _request(self) -> "ov.InferRequest":
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        return self._own.request


@cache
def shipped(name: str, *, threads: int = 0) -> Net:
    """A net of the package, by its name in the manifest; compiled once for each number of threads, 0 for all cores.

    Raises:
        ModelError: there is no such net.
        WeightsError: a file differs from what the manifest promises.
    """
    import openvino as ov

    contents = _contentsof(name)
    _log.debug("compiling %s", name)
    return Net(ov.Core().read_model(contents[f"{name}.xml"], contents[f"{name}.bin"]), name, threads=threads)


@cache
def shipped_arrays(name: str) -> dict[str, Array]:
    """Small arrays of the package, by their name in the manifest; errors as for `shipped`."""
    from safetensors.numpy import load

    return load(_contentsof(name)[f"{name}.safetensors"])


def _contentsof(name: str) -> dict[str, bytes]:
    """What belongs to one entry of the manifest, verified."""
    entry = manifest()["nets"].get(name)
    if entry is None:
        raise ModelError(f"nothing shipped is called {name!r}: there are {', '.join(sorted(manifest()['nets']))}")
    return {file: _verified(file, checksum) for file, checksum in entry["files"].items()}


@cache
def manifest() -> dict[str, Any]:
    """What is shipped: for each net its source, licence and checksums."""
    return dict(json.loads(_weight_file("manifest.json")))


def _verified(name: str, checksum: str) -> bytes:
    content = _weight_file(name)
    if hashlib.sha256(content).hexdigest() != checksum:
        raise WeightsError(f"{name} is damaged: its checksum is not the manifest's; reinstall nobodies")
    return content


def _weight_file(name: str) -> bytes:
    try:
        return (files(__package__) / "weights" / name).read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"{name} is missing from the package; reinstall nobodies") from None
