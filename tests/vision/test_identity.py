import io
import itertools

import numpy as np
import pytest
from PIL import Image

from nobodies.errors import SettingError, ShapeError
from nobodies.vision.detect import Detector
from nobodies.vision.identity import THRESHOLDS, distance, embed, same_person, threshold
from nobodies.vision.landmarks import find_landmarks
from nobodies.vision.pictures import Pixels
from tests.vision.conftest import SEEDS, face, mesh_of


def embedding_of(pixels: Pixels) -> np.ndarray:
    return embed(pixels, find_landmarks(pixels, Detector.load().detect(pixels)[0]))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_changed_picture_still_shows_the_same_person(seed: int) -> None:
    own = embed(face(seed), mesh_of(seed))
    file = io.BytesIO()
    Image.fromarray(face(seed)).resize((180, 180)).save(file, "JPEG", quality=60)
    small = np.asarray(Image.open(file).convert("RGB"))
    mirrored = np.ascontiguousarray(face(seed)[:, ::-1])
    dark = (face(seed) * 0.6).astype(np.uint8)
    for changed in (small, mirrored, dark):
        assert same_person(own, embedding_of(changed))


def test_different_people_are_told_apart() -> None:
    embeddings = [embed(face(seed), mesh_of(seed)) for seed in SEEDS]
    assert not any(same_person(a, b, false_match_rate=0.01) for a, b in itertools.combinations(embeddings, 2))


def test_a_stricter_rate_means_a_smaller_distance() -> None:
    limits = [threshold(rate) for rate in sorted(THRESHOLDS)]
    assert limits == sorted(limits)
    assert len(set(limits)) == len(limits)


def test_distance_is_a_distance() -> None:
    a, b = np.zeros(128), np.full(128, 0.125)
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a) == pytest.approx(np.sqrt(2))


def test_rates_that_were_not_measured_are_refused() -> None:
    with pytest.raises(SettingError, match=r"0\.001"):
        same_person(np.zeros(128), np.zeros(128), false_match_rate=0.05)


def test_what_is_no_embedding_is_refused() -> None:
    with pytest.raises(ShapeError, match="128"):
        same_person(np.zeros(127), np.zeros(128))
