"""From a graph to something that runs: options of the processor, and what is kept for a quick second start."""

import contextlib
import functools
import hashlib
import inspect
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import openvino

from nobodies.engines.openvino import graph, grid, layers, lucidrains, ops, strips, stylegan2
from nobodies.errors import OutputError, SettingError
from nobodies.files import make_folder, map_bytes, write_atomic
from nobodies.models.architectures import grid as architecture_grid
from nobodies.settings import EngineSettings

_log = logging.getLogger(__name__)

_DEVICE: Final = "CPU"
_DIGEST_BYTES: Final = 32
_MOST_KEPT_BYTES: Final = 4 << 30
_MOST_VARIANTS: Final = 4
"""Compiled graphs of one name that are kept: other weights, other versions of this program."""

# Compiled graphs that were read use the weights where they lie in their file, as long as any request to them lives,
# which only OpenVINO knows. So files stay mapped: that takes addresses, not memory.
_in_use: list[Any] = []

Arithmetic = Literal["bf16", "f32"]


@functools.cache
def _core() -> openvino.Core:
    """Give OpenVINO's entrance. Made once, since it looks for devices."""
    return openvino.Core()


def choose_precision(settings: EngineSettings) -> Arithmetic:
    """Settle what "auto" means on this processor.

    OpenVINO left to itself would choose too. The choice is always made here, so that it can be told.

    Raises:
        SettingError: bf16 was asked for, and the processor does not have it.
    """
    has_bf16 = "BF16" in _core().get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
    if settings.precision == "bf16" and not has_bf16:
        raise SettingError("precision is 'bf16': this processor does not have it; choose 'auto' or 'f32'")
    return "bf16" if has_bf16 and settings.precision != "f32" else "f32"


def options(settings: EngineSettings) -> dict[str, Any]:
    """Write layout, threads and streams the way OpenVINO takes them.

    Raises:
        SettingError: more streams than threads.
    """
    if settings.threads and settings.streams > settings.threads:
        raise SettingError(
            f"streams is {settings.streams} and threads {settings.threads}: every stream needs a thread of its own"
        )
    # OpenVINO by itself binds its threads to cores, in every process to the same ones: two processes of one thread
    # would share a core and leave the other idle.
    chosen: dict[str, Any] = {"PERFORMANCE_HINT": settings.layout.upper(), "ENABLE_CPU_PINNING": False}
    if settings.threads:
        chosen["INFERENCE_NUM_THREADS"] = settings.threads
    if settings.streams:
        chosen["NUM_STREAMS"] = settings.streams
    return chosen


@dataclass(frozen=True, slots=True)
class Kept:
    """A compiled graph kept in a file, with a digest over it and over everything that it depends on.

    OpenVINO has a cache of its own. It trusts what it finds, so a damaged file is an error or a wrong picture, and
    each upgrade leaves its predecessors behind. Here all that a graph depends on is in the name of its file, so that
    two versions of this program do not take each other's or overwrite them; of each graph only the few used last are
    kept. A damaged file does not match its digest and is made anew. A folder that cannot be written only makes every
    start as slow as the first.
    """

    folder: Path
    name: str
    """Of the graph, for people who look into the folder."""
    origin: str
    """What the compiled graph depends on, besides this installation and processor."""

    @property
    def path(self) -> Path:
        """The file, there or not."""
        return self.folder / f"{self.name}-{self._key().hexdigest()[:12]}.blob"

    def read(self, chosen: dict[str, Any]) -> openvino.CompiledModel | None:
        """Give the compiled graph, or None if there is none that can be used."""
        try:
            if self.path.stat().st_size > _MOST_KEPT_BYTES:
                return None
            content = map_bytes(self.path)
        except OSError:
            return None
        blob = content[_DIGEST_BYTES:]
        if self._digest(blob) != content[:_DIGEST_BYTES]:
            _log.info("%s is stale or damaged; compiling again", self.path)
            return None
        with contextlib.suppress(OSError):
            os.utime(self.path)
        try:
            values = np.frombuffer(blob, np.uint8)
            found = _core().import_model(openvino.Tensor(values, shared_memory=True), _DEVICE, chosen)
            _in_use.append(values)
            return found
        except RuntimeError as error:
            _log.warning("%s cannot be loaded (%s); compiling again", self.path, error)
            return None

    def write(self, compiled: openvino.CompiledModel) -> None:
        """Keep a compiled graph; a warning is logged if that is not possible."""
        try:
            make_folder(self.path.parent)
            blob = compiled.export_model().getbuffer()
            write_atomic(self.path, b"".join((self._digest(blob), blob)))
            self._forget_oldest()
        except OutputError as error:
            _log.warning("the compiled model is not kept, so the next start takes longer: %s", error)

    def _forget_oldest(self) -> None:
        """Remove what was not used for longest, and what versions without keys in the names have left."""
        found = [*self.folder.glob(f"{self.name}-{'[0-9a-f]' * 12}.blob"), *self.folder.glob(f"{self.name}.blob")]
        for path in sorted(found, key=_last_used, reverse=True)[_MOST_VARIANTS:]:
            with contextlib.suppress(OSError):
                path.unlink()

    def _digest(self, blob: memoryview) -> bytes:
        digest = self._key()
        digest.update(blob)
        return digest.digest()

    def _key(self) -> "hashlib._Hash":
        parts = (
            self.origin,
            openvino.get_version(),
            _core().get_property(_DEVICE, "FULL_DEVICE_NAME"),
            " ".join(_core().get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")),
            *(
                inspect.getsource(module)
                for module in (graph, grid, layers, lucidrains, ops, strips, stylegan2, architecture_grid)
            ),
        )
        return hashlib.sha256("\0".join(parts).encode())


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # another process has just removed it


def compiled(
    build: Callable[[], openvino.Model], chosen: dict[str, Any], kept: Kept | None
) -> openvino.CompiledModel:
    """Give a compiled graph, from where it is kept if possible.

    Args:
        build: makes the graph; not called if a compiled one is found.
        chosen: OpenVINO's options.
        kept: where to look and where to put it; None to compile every time.
    """
    found = kept.read(chosen) if kept else None
    if found is not None:
        return found
    made = _core().compile_model(build(), _DEVICE, chosen)
    if kept is None:
        return made
    kept.write(made)
    # Read back, its weights lie in a file that all processes share, not in memory of this one.
    return kept.read(chosen) or made
