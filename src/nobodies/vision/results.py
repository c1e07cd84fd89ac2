"""What the analyses answer: frozen records that print well and turn into JSON.

Coordinates are in pixels of the picture, x to the right and y down; pixel (0, 0) covers [0, 1) x [0, 1). Left and
right are the person's own.
"""

from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]

KEYPOINTS = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found in a picture."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in pixels. May reach over the edge of the picture."""
    score: float
    """How sure the detector is, 0 to 1."""
    keypoints: tuple[Point, Point, Point, Point, Point, Point]
    """Right eye, left eye, tip of the nose, mouth, right ear, left ear."""

    @property
    def width(self) -> float:
        """Width of the box, in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the box, in pixels."""
        return self.box[3] - self.box[1]

    def __str__(self) -> str:
        x0, y0, x1, y1 = (round(edge) for edge in self.box)
        return f"face at ({x0}, {y0})-({x1}, {y1}), {x1 - x0}x{y1 - y0} px, score {self.score:.2f}"

    def to_json(self) -> dict[str, Any]:
        """The same as numbers, lists and names."""
        return {
            "box": [round(edge, 2) for edge in self.box],
            "score": round(self.score, 4),
            "keypoints": {
                name: [round(x, 2), round(y, 2)] for name, (x, y) in zip(KEYPOINTS, self.keypoints, strict=True)
            },
        }
