"""Whether a portrait is cropped as generators of faces draw theirs: eyes and mouth at the same place in each.

StyleGAN and its kin learned from pictures cropped by one rule, and draw nothing else. A camera does not. Pictures of
FFHQ and CelebA-HQ, which are photographs, are cropped that way too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.vision.align import ffhq_crop
from nobodies.vision.results import Landmarks

_SHIFT: Final = 0.012
_SCALE: Final = 0.045
_ANGLE_DEG: Final = 1.6


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the crop by FFHQ's rule differs from the picture itself."""

    shift: float
    """Distance of the middles, as a share of the picture's side."""
    scale: float
    """Side of the crop over that of the picture."""
    angle_deg: float

    @property
    def is_aligned(self) -> bool:
        """Whether the picture is that crop, as nearly as the mesh can tell."""
        return self.shift <= _SHIFT and abs(self.scale - 1) <= _SCALE and abs(self.angle_deg) <= _ANGLE_DEG


def measure_alignment(pixels: NDArray[np.uint8], mesh: Landmarks) -> Alignment | None:
    """Compare a picture with the crop that FFHQ's rule would cut from it.

    Args:
        pixels: [H, W, 3].
        mesh: of the largest face, in pixels of the picture.

    Returns:
        The differences; None if the picture is not square.
    """
    height, width = pixels.shape[:2]
    if height != width:
        return None
    crop = ffhq_crop(mesh)
    shift = np.hypot(crop.centre[0] - width / 2, crop.centre[1] - height / 2) / width
    return Alignment(float(shift), crop.side / width, float(np.degrees(crop.angle)))
