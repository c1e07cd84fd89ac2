"""Look at faces: find them, measure them, tell them apart, cut them out.

>>> from nobodies.vision import Detector, analyse                # doctest: +SKIP
>>> for face in analyse("picture.jpg"): print(face)              # doctest: +SKIP

The nets are shipped with the package, run in OpenVINO at f32 and need no network. The first use of each compiles it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nobodies.vision.detect import Detector
    from nobodies.vision.results import Detection

_HOMES = {"Detector": "detect", "Detection": "results"}
__all__ = ["Detection", "Detector"]


def __getattr__(name: str) -> Any:
    # numpy, Pillow and OpenVINO are loaded when a name is first used, not when the package is.
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
