"""What the gate looks at: features of the whole picture and of the part around the eyes, and the age of the face.

Generated faces are aligned as FFHQ is, so the parts lie at fixed places and no detector is needed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.vision import fetched, nets

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]

WHOLE_BOX: Final[Box] = (0.0, 0.0, 1.0, 1.0)
EYES_BOX: Final[Box] = (0.22, 0.30, 0.78, 0.63)
"""Left, top, right and bottom of what is around the eyes, as shares of the side."""
AGE_BOX: Final[Box] = (0.175, 0.235, 0.825, 0.885)
"""What the age is read from: cut a little closer than by the mesh, which at a fixed place tells minors better."""
_ENOUGH_PX: Final = 512


def features(pixels: Pixels, box: Box = WHOLE_BOX) -> Array:
    """Describe a part of a picture of a generated face.

    Args:
        pixels: [R, R, 3], RGB.
        box: which part.

    Returns:
        [1280 * 3 * 3], of each cell of a grid.
    """
    net = fetched.fault_net()
    seen: Array = net(_part(pixels, box, net.size_px))["features"][0]
    return seen


def age_of(pixels: Pixels) -> float:
    """Say how old a generated face looks, in years; by the shipped net alone, at a fixed place."""
    net = nets.shipped("age_appearance")
    return float(net(_part(pixels, AGE_BOX, net.size_px))["age"].item())


def _part(pixels: Pixels, box: Box, size_px: int) -> Pixels:
    """Cut and reduce by means over squares. Every second pixel of a large picture is enough for that."""
    step = max(1, len(pixels) // _ENOUGH_PX)
    thinned = np.ascontiguousarray(pixels[::step, ::step])
    left, top, right, bottom = (share * len(thinned) for share in box)
    image = Image.fromarray(thinned)
    return np.asarray(image.resize((size_px, size_px), Image.Resampling.BOX, box=(left, top, right, bottom)))
