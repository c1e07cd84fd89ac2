"""A small net that tells faces of the default model from photographs, by the inner face, grey and small.

It was trained by tools/fit_generated.py on faces of the default model and on one collection of photographs of real
people, brought to the same crop, size and JPEG history. What it says of other generators and other photographs was
not measured; docs/guide/inspect.md says what that means.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.vision import nets
from nobodies.vision.geometry import eye_centres
from nobodies.vision.results import Landmarks
from nobodies.vision.warp import cut, square

NET: Final = "generated"
PATCH_PX: Final = 96
LEAST_EYES_PX: Final = 30.0
"""Distance of the eyes below which a face is too small to be judged."""
_SIDE: Final = 2.2  # of the patch, in distances of the eyes: what a loosely cropped portrait still shows
_BELOW_EYES: Final = 0.1  # of that side: from the eyes to the middle of the patch


@dataclass(frozen=True, slots=True)
class Rates:
    """How often the classifier was right and wrong on pictures that it had not learned from."""

    threshold: float
    """Probability from which a face counts as generated."""
    found: float
    """Share of the default model's faces that did."""
    false_alarms: float
    """Share of photographs that did."""
    auc: float
    num_generated: int
    num_photographs: int


def eyes_px(mesh: Landmarks) -> float:
    """Distance of the eyes, in pixels of the picture."""
    right, left = eye_centres(mesh)
    return float(np.hypot(*(left - right)))


def patch(pixels: NDArray[np.uint8], mesh: Landmarks) -> NDArray[np.uint8]:
    """Cut out what the net looks at: the inner face, upright and grey.

    Args:
        pixels: [H, W, 3].
        mesh: of the face.

    Returns:
        [96, 96, 3], the same grey three times.
    """
    right, left = eye_centres(mesh).astype(np.float64)
    across = left - right
    side = _SIDE * max(float(np.hypot(*across)), 1.0)
    down = np.array([-across[1], across[0]]) / max(float(np.hypot(*across)), 1e-6)
    centre = (right + left) / 2 + _BELOW_EYES * side * down
    angle = float(np.arctan2(across[1], across[0]))
    piece = cut(pixels, square(centre, side, angle, PATCH_PX), PATCH_PX, resample=Image.Resampling.BICUBIC)
    return np.asarray(Image.fromarray(piece).convert("L").convert("RGB"))


def probability(face: NDArray[np.uint8]) -> float:
    """Say how likely a face is one of the default model's, if as many were generated as photographed.

    Args:
        face: what `patch` gives.

    Raises:
        WeightsError: the shipped net is damaged.
    """
    return float(nets.shipped(NET)(face)["probability"].item())


@cache
def rates() -> Rates:
    """Give the rates that were measured when the shipped net was made."""
    return Rates(**json.loads((files("nobodies.inspection") / "rates.json").read_bytes()))
