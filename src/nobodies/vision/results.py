"""What the analyses answer: frozen records that print well and turn into JSON.

Coordinates are in pixels of the picture, x to the right and y down; pixel (0, 0) covers [0, 1) x [0, 1). Left and
right are the person's own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """The mesh over a face."""

    points: npt.NDArray[np.float32]
    """[478, 3]: x, y in pixels of the picture; z in the same unit, smaller is nearer to the camera."""
    presence: float
    """How sure the net is that it looks at a face, 0 to 1."""

    def __str__(self) -> str:
        return f"mesh of {len(self.points)} points, presence {self.presence:.2f}"

    def to_json(self) -> dict[str, Any]:
        """The same as numbers and lists."""
        return {"points": np.round(self.points.astype(float), 2).tolist(), "presence": round(self.presence, 4)}


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head points, in degrees."""

    yaw: float
    """Above 0 the face looks to the picture's right, which is the person's left."""
    pitch: float
    """Above 0 the face looks up."""
    roll: float
    """Above 0 the head is turned clockwise in the picture."""

    def __str__(self) -> str:
        return f"yaw {self.yaw:+.0f}°, pitch {self.pitch:+.0f}°, roll {self.roll:+.0f}°"

    def to_json(self) -> dict[str, float]:
        """The same as numbers."""
        return {"yaw": round(self.yaw, 1), "pitch": round(self.pitch, 1), "roll": round(self.roll, 1)}
