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

ENOUGH_PX: Final = 512
"""Pictures are looked at with this side, or their own if that is smaller."""
WHOLE_BOX: Final[Box] = (0.0, 0.0, 1.0, 1.0)
EYES_BOX: Final[Box] = (0.22, 0.30, 0.78, 0.63)
"""Left, top, right and bottom of what is around the eyes, as shares of the side."""
AGE_BOX: Final[Box] = (0.175, 0.235, 0.825, 0.885)
"""What the age is read from: cut a little closer than by the mesh, which at a fixed place tells minors better."""


def features(image: Image.Image, box: Box = WHOLE_BOX) -> Array:
    """Describe a part of a picture of a generated face.

    Args:
        image: square, RGB, of `ENOUGH_PX` or less.
        box: which part.

    Returns:
        [1280 * 3 * 3], of each cell of a grid.
    """
    net = fetched.fault_net()
    seen: Array = net(_part(image, box, net.size_px))["features"][0]
    return seen


def age_of(image: Image.Image) -> float:
    """Say how old a generated face looks, in years; by the shipped net alone, at a fixed place."""
    net = nets.shipped("age_appearance", threads=1)
    return float(net(_part(image, AGE_BOX, net.size_px))["age"].item())


def _part(image: Image.Image, box: Box, size_px: int) -> Pixels:
    """Cut and reduce by means over squares."""
    left, top, right, bottom = (share * image.width for share in box)
    cut = image.resize((size_px, size_px), Image.Resampling.BOX, box=(left, top, right, bottom), reducing_gap=1.0)
    return np.asarray(cut)
