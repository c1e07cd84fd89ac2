"""Generated faces to look at: tests/data/face-SEED.jpg, psi 0.7 (seeds under 1000) or 1, reduced to 256 px."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from nobodies.imaging.decode import read_pixels
from nobodies.models import Store
from nobodies.vision import fetched
from nobodies.vision.detect import Detector
from nobodies.vision.landmarks import find_landmarks
from nobodies.vision.results import Detection, Landmarks

FOLDER = Path(__file__).parent.parent / "data"
BEARDED, SPECTACLED, LAUGHING, CHILD, SUNGLASSES = SEEDS = (10, 17, 61, 1009, 1062)


@cache
def face(seed: int) -> npt.NDArray[np.uint8]:
    pixels = read_pixels(FOLDER / f"face-{seed}.jpg")
    pixels.setflags(write=False)
    return pixels


@cache
def detection_of(seed: int) -> Detection:
    [found] = Detector.load().detect(face(seed))
    return found


@cache
def mesh_of(seed: int) -> Landmarks:
    return find_landmarks(face(seed), detection_of(seed))


@pytest.fixture
def fetched_nets(user_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the nets that are not shipped from the user's own cache, where they are fetched once."""
    monkeypatch.setattr(fetched, "Store", lambda: user_store)
