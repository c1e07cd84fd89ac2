import json

import numpy as np
import pytest
from PIL import Image

from nobodies.errors import InputError
from nobodies.vision import analyse, same_person
from tests.vision.conftest import BEARDED, CHILD, FOLDER, LAUGHING, face


def test_a_file_its_bytes_and_its_pixels_are_analysed_alike() -> None:
    path = FOLDER / f"face-{LAUGHING}.jpg"
    sources = (path, str(path), path.read_bytes(), face(LAUGHING))
    first, *others = (json.dumps(analyse(source, fetch=False)[0].to_json()) for source in sources)
    assert all(other == first for other in others)


def test_an_analysis_prints_and_serialises() -> None:
    [found] = analyse(face(BEARDED), fetch=False)
    assert "age" in str(found)
    assert "yaw" in str(found)
    plain = json.loads(json.dumps(found.to_json()))
    assert plain.keys() == {"detection", "pose", "attributes", "quality", "embedding"}
    assert plain["attributes"]["beard"] is None
    assert len(plain["embedding"]) == 128


def test_every_face_is_analysed_and_counted() -> None:
    both = np.concatenate([face(CHILD), face(BEARDED)], axis=1)
    found = analyse(both, fetch=False)
    assert [each.quality.num_faces for each in found] == [2, 2]
    young, old = sorted(found, key=lambda each: each.attributes.age.value)
    assert young.detection.box[0] < 256 < old.detection.box[2]
    assert not same_person(young.embedding, old.embedding)


def test_a_large_copy_is_analysed_like_the_small_one() -> None:
    large = np.asarray(Image.fromarray(face(LAUGHING)).resize((2048, 2048), Image.Resampling.BICUBIC))
    [small_one], [large_one] = analyse(face(LAUGHING), fetch=False), analyse(large, fetch=False)
    assert np.abs(large_one.landmarks.points[:, :2] / 8 - small_one.landmarks.points[:, :2]).mean() < 2
    assert same_person(small_one.embedding, large_one.embedding, false_match_rate=0.0001)
    assert large_one.attributes.age.value == pytest.approx(small_one.attributes.age.value, abs=5)


def test_no_face_is_no_error() -> None:
    assert analyse(np.zeros((64, 64, 3), np.uint8)) == []


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError):
        analyse(b"not a picture")


def test_a_face_at_the_very_edge() -> None:
    assert all(each.quality.whole < 1 for each in analyse(np.ascontiguousarray(face(LAUGHING)[:, :170]), fetch=False))
