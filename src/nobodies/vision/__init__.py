"""Look at faces: find them, measure them, tell them apart, cut them out.

>>> from nobodies.vision import Detector, analyse                # doctest: +SKIP
>>> for face in analyse("picture.jpg"): print(face)              # doctest: +SKIP

The nets are shipped with the package, run in OpenVINO at f32 and need no network. The first use of each compiles it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nobodies.vision.align import align
    from nobodies.vision.analysis import analyse
    from nobodies.vision.detect import Detector
    from nobodies.vision.identity import embed, same_person
    from nobodies.vision.landmarks import find_landmarks
    from nobodies.vision.results import Attributes, Detection, FaceAnalysis, Landmarks, Pose, Quality
    from nobodies.vision.segment import cut_out, on_blur, on_colour, person_mask

_HOMES = {
    "align": ["align"],
    "analysis": ["analyse"],
    "detect": ["Detector"],
    "identity": ["embed", "same_person"],
    "landmarks": ["find_landmarks"],
    "results": ["Attributes", "Detection", "FaceAnalysis", "Landmarks", "Pose", "Quality"],
    "segment": ["cut_out", "on_blur", "on_colour", "person_mask"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Attributes",
    "Detection",
    "Detector",
    "FaceAnalysis",
    "Landmarks",
    "Pose",
    "Quality",
    "align",
    "analyse",
    "cut_out",
    "embed",
    "find_landmarks",
    "on_blur",
    "on_colour",
    "person_mask",
    "same_person",
]


def __getattr__(name: str) -> Any:
    # numpy, Pillow and OpenVINO are loaded when a name is first used, not when the package is.
    from importlib import import_module

    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
