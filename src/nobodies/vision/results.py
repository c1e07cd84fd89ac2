"""What the analyses answer: frozen records that print well and turn into JSON.

Coordinates are in pixels of the picture, x to the right and y down; pixel (0, 0) covers [0, 1) x [0, 1). Left and
right are the person's own.
"""

from dataclasses import dataclass, fields
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


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number read from a face, and how much to trust it."""

    value: float
    confidence: float
    """0 (a guess) to 1."""

    def __str__(self) -> str:
        return f"{self.value:.2f}"

    def to_json(self) -> dict[str, float]:
        """The same as numbers."""
        return {"value": round(self.value, 4), "confidence": round(self.confidence, 4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """How a face looks in this picture. None of it says who somebody is."""

    age: Estimate
    """Apparent age in years."""
    woman: Estimate
    """Appearance: probability that the face looks like a woman's rather than a man's."""
    smile: Estimate
    """Probability of a smile."""
    eyeglasses: Estimate | None
    """Probability of glasses through which the eyes are seen. None without the fetched nets."""
    sunglasses: Estimate | None
    """Probability of dark glasses. None without the fetched nets."""
    beard: Estimate | None
    """Probability of a beard, moustache or heavy stubble. None without the fetched nets."""
    hair_lightness: Estimate
    """CIE L* of the hair as lit, 0 black to 100 white; of whatever covers the head if it is covered or bare."""
    skin_tone: tuple[int, int, int]
    """Median colour of the skin as lit, sRGB."""
    skin_lightness: Estimate
    """CIE L* of that colour, 0 black to 100 white."""
    eyes_open: Estimate
    """Probability that the eyes are open; narrowed eyes lie between."""
    mouth_open: Estimate
    """Probability that the lips are apart."""

    def __str__(self) -> str:
        parts = [f"age {self.age.value:.0f}"]
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Estimate) and each.name != "age":
                parts.append(f"{each.name.replace('_', ' ')} {value}")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The same as numbers and names."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Whether a picture of a face is sound, each mark from 0 (bad) to 1 (good)."""

    sharpness: float
    """0 blurred, 1 as sharp as a good photograph at this size."""
    exposure: float
    """Share of the face that is neither black nor burnt out."""
    whole: float
    """Share of the mesh that lies inside the picture."""
    plausible: float
    """How steadily the mesh fits: low where a face is hidden in part, deformed, or none."""
    num_faces: int
    """Faces found in the picture, this one included."""

    def __str__(self) -> str:
        return (
            f"sharpness {self.sharpness:.2f}, exposure {self.exposure:.2f}, whole {self.whole:.2f}, "
            f"plausible {self.plausible:.2f}, faces {self.num_faces}"
        )

    def to_json(self) -> dict[str, float | int]:
        """The same as numbers."""
        return {each.name: round(getattr(self, each.name), 4) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceAnalysis:
    """Everything said about one face."""

    detection: Detection
    landmarks: Landmarks
    pose: Pose
    attributes: Attributes
    quality: Quality
    embedding: npt.NDArray[np.float32]
    """Who it shows, for `nobodies.vision.same_person`: [128]."""

    def __str__(self) -> str:
        lines = (self.detection, self.pose, self.attributes, self.quality)
        return "\n  ".join(str(line) for line in lines)

    def to_json(self) -> dict[str, Any]:
        """The same as numbers, lists and names, without the mesh's 478 points."""
        return {
            "detection": self.detection.to_json(),
            "pose": self.pose.to_json(),
            "attributes": self.attributes.to_json(),
            "quality": self.quality.to_json(),
            "embedding": np.round(self.embedding.astype(float), 5).tolist(),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return value.to_json()
    return list(value) if isinstance(value, tuple) else value
