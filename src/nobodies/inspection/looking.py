"""Look at one picture in every way there is. Bounded: the work does not grow with the picture beyond a limit."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.imaging.decode import read_pixels
from nobodies.inspection.alignment import measure_alignment
from nobodies.inspection.classifier import LEAST_EYES_PX, eyes_px, patch, probability, rates
from nobodies.inspection.findings import Finding, Inspection
from nobodies.inspection.spectrum import measure_grid
from nobodies.provenance.verify import Verdict, verify, verify_file
from nobodies.vision.detect import Detector
from nobodies.vision.landmarks import find_landmarks
from nobodies.vision.pictures import resize
from nobodies.vision.quality import measure_quality
from nobodies.vision.results import Detection, Landmarks

Pixels = NDArray[np.uint8]

GRID_DECADES: Final = 0.2
"""Mean height of the grid's lines from which it counts as found. Photographs stayed below 0.1."""
_LOOK_PX: Final = 1536
_CUT_SHARE: Final = 0.02
_UNSTEADY: Final = 0.25


def inspect(picture: Path | bytes) -> Inspection:
    """Say what of a picture looks generated, and why.

    Args:
        picture: a file of any origin, or its bytes.

    Returns:
        A finding for each thing looked for.

    Raises:
        InputError: it is not a picture that can be read, or too large.
    """
    pixels = read_pixels(picture)
    return inspect_pixels(pixels, verify(picture) if isinstance(picture, bytes) else verify_file(picture))


def inspect_pixels(pixels: Pixels, verdict: Verdict) -> Inspection:
    """Say what of a picture looks generated that is decoded already.

    Args:
        pixels: [H, W, 3], at the picture's own size. Faces are looked for in it reduced to 1,536 px; of several the
            largest is judged.
        verdict: what its marks say.
    """
    look = _reduced(pixels)
    faces = Detector.load().detect(look, min_size_px=max(look.shape[:2]) / 20)
    mesh = find_landmarks(look, faces[0]) if faces else None
    if mesh is not None and eyes_px(mesh) < LEAST_EYES_PX:
        mesh = None
    return Inspection(
        (_marks(verdict), _grid(pixels), _alignment(look, mesh), _classifier(look, mesh), _faults(look, faces, mesh)),
        verdict,
    )


def _reduced(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    factor = _LOOK_PX / max(height, width)
    if factor >= 1:
        return pixels
    return resize(pixels, max(1, round(width * factor)), max(1, round(height * factor)))


def _marks(verdict: Verdict) -> Finding:
    sound = [mark.name for mark in verdict.marks if mark.state in ("valid", "foreign")]
    return Finding(
        "marks",
        "found" if verdict.generated else "not found",
        f"marked as generated: {', '.join(sound)}" if verdict.generated else "no mark says that it was generated",
        {},
    )


def _grid(pixels: Pixels) -> Finding:
    grid = measure_grid(pixels)
    if grid is None:
        return Finding("grid", "not checked", f"a side of {min(pixels.shape[:2])} px is too short", {})
    found = grid.odd >= GRID_DECADES
    seen = f"lines {grid.odd:.2f} decades above their neighbours where JPEG makes none"
    return Finding(
        "grid",
        "found" if found else "not found",
        f"a fine regular grid: {seen}" if found else f"no regular grid: {seen}, {GRID_DECADES:g} count as one",
        {"odd_decades": grid.odd, "quarter_decades": grid.quarter},
    )


def _alignment(look: Pixels, mesh: Landmarks | None) -> Finding:
    if mesh is None or (alignment := measure_alignment(look, mesh)) is None:
        return Finding("alignment", "not checked", "no face in a square picture", {})
    seen = (
        f"the middle {100 * alignment.shift:.1f}% off, the side {alignment.scale:.2f} times, "
        f"turned by {abs(alignment.angle_deg):.1f} degrees"
    )
    return Finding(
        "alignment",
        "found" if alignment.is_aligned else "not found",
        f"eyes and mouth {'' if alignment.is_aligned else 'not '}where generators of portraits put them: {seen}",
        {"shift": alignment.shift, "scale": alignment.scale, "angle_deg": alignment.angle_deg},
    )


def _classifier(look: Pixels, mesh: Landmarks | None) -> Finding:
    if mesh is None:
        return Finding("classifier", "not checked", "no face that is large enough", {})
    likely, known = probability(patch(look, mesh)), rates()
    return Finding(
        "classifier",
        "found" if likely >= known.threshold else "not found",
        f"{likely:.0%} likely one of the default model's faces; at {known.threshold:.0%} it finds {known.found:.0%} "
        f"of those and takes {known.false_alarms:.1%} of photographs for one",
        {"probability": likely, "threshold": known.threshold, "false_alarms": known.false_alarms},
    )


def _faults(look: Pixels, faces: list[Detection], mesh: Landmarks | None) -> Finding:
    if mesh is None:
        return Finding("faults", "not checked", "no face", {})
    quality = measure_quality(look, mesh, num_faces=len(faces))
    at_edge = sum(_is_cut(face, look) for face in faces[1:])
    seen = []
    if at_edge:
        seen.append("another face at the edge" if at_edge == 1 else f"{at_edge} other faces at the edge")
    if quality.plausible < _UNSTEADY:
        seen.append("a face on which the mesh does not settle")
    return Finding(
        "faults",
        "found" if seen else "not found",
        " and ".join(seen) or "no second face at the edge, and the mesh settles",
        {"faces_at_edge": float(at_edge), "plausible": quality.plausible},
    )


def _is_cut(face: Detection, pixels: Pixels) -> bool:
    height, width = pixels.shape[:2]
    left, top, right, bottom = face.box
    margin = _CUT_SHARE * max(height, width)
    return bool(left < margin or top < margin or right > width - margin or bottom > height - margin)
