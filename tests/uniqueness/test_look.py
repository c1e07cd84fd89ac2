"""On the real model: these hold only if detector, landmarks and identity net work together."""

import io

import numpy as np
import pytest
from PIL import Image

from nobodies.generator import Face, Generator
from nobodies.imaging import resize
from nobodies.models import Store
from nobodies.provenance.watermark import Kind, Message, detect, embed
from nobodies.uniqueness.look import embedding_of


@pytest.fixture(scope="module")
def faces(user_store: Store) -> list[Face]:
    return list(Generator.load(store=user_store).faces([1, 2, 3]))


def _distance(a: Image.Image, b: Image.Image) -> float:
    first, second = embedding_of(np.array(a)), embedding_of(np.array(b))
    assert first is not None
    assert second is not None
    return float(np.linalg.norm(first - second))


def test_a_picture_made_smaller_and_compressed_shows_the_same_person(faces: list[Face]) -> None:
    file = io.BytesIO()
    resize(faces[0].image, 400).save(file, "JPEG", quality=70)
    assert _distance(faces[0].image, Image.open(file)) < 0.2


def test_different_seeds_show_different_people(faces: list[Face]) -> None:
    assert _distance(faces[0].image, faces[1].image) > 0.4
    assert _distance(faces[1].image, faces[2].image) > 0.4


def test_the_watermark_changes_nobody(faces: list[Face]) -> None:
    marked = embed(faces[0].image, Message(Kind.SEED, 1))
    assert _distance(faces[0].image, marked) < 0.1  # a third of the distance at which two faces count as one


def test_a_picture_without_a_face_shows_nobody() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3)).astype(np.uint8)
    assert embedding_of(noise) is None


def test_unmarked_faces_carry_no_mark_and_marked_ones_do(faces: list[Face]) -> None:
    for face in faces:
        assert detect(face.image) is None
        assert face.seed is not None
        found = detect(embed(face.image, Message(Kind.SEED, face.seed)))
        assert found is not None
        assert found.message.number == face.seed
