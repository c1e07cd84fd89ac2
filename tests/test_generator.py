import io
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nobodies import latents
from nobodies.errors import OutputError, SettingError, ShapeError
from nobodies.generator import Generator
from nobodies.imaging import xmp_of
from nobodies.provenance import is_marked, recipe_of
from nobodies.settings import FaceSettings, PictureFormat

SEEDS = st.integers(0, 2**64 - 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(SEEDS, min_size=1, max_size=5), st.floats(-1.5, 1.5))
def test_a_face_is_the_same_alone_and_among_others(generator: Generator, seeds: list[int], psi: float) -> None:
    together = list(generator.faces(seeds, psi=psi))
    assert [face.seed for face in together] == seeds
    for face in together:
        assert np.array_equal(face.pixels, generator.face(face.seed, psi=psi).pixels)


def test_seed_codes_and_styles_lead_to_the_same_face(generator: Generator) -> None:
    face = generator.face(seed=42, psi=0.7)
    z = latents.z_from_seed(42, 8)
    assert np.array_equal(generator.face(z=z, psi=0.7).pixels, face.pixels)
    assert np.array_equal(generator.face(w=face.w).pixels, face.pixels)
    assert np.array_equal(generator.w(42, psi=0.7), face.w)
    assert np.array_equal(generator.face("42").pixels, face.pixels)


def test_a_text_is_a_seed(generator: Generator) -> None:
    face = generator.face("any text")
    assert face.seed == 11285876729861036076
    assert np.array_equal(face.pixels, generator.face(face.seed).pixels)


def test_psi_0_is_the_average_face_whatever_the_seed(generator: Generator) -> None:
    assert np.array_equal(generator.face(1, psi=0).pixels, generator.face(2, psi=0).pixels)
    assert not np.array_equal(generator.face(1).pixels, generator.face(2).pixels)


def test_each_layer_may_have_its_own_code(generator: Generator) -> None:
    ws = np.stack([generator.w(1)[:3], generator.w(2)[:3]]).reshape(6, 8)[:5]
    mixed = generator.face(w=ws)
    assert mixed.w.shape == (5, 8)
    assert not np.array_equal(mixed.pixels, generator.face(w=ws[::-1]).pixels)


def test_seeded_noise_belongs_to_the_seed(generator: Generator) -> None:
    seeded = generator.face(3, noise="seeded").pixels
    assert np.array_equal(seeded, generator.face(3, noise="seeded").pixels)
    assert not np.array_equal(seeded, generator.face(3, noise="none").pixels)


def test_wrong_calls_say_what_is_wanted(generator: Generator) -> None:
    w = generator.w(1)
    with pytest.raises(SettingError, match="exactly one"):
        generator.face()
    with pytest.raises(SettingError, match="exactly one"):
        generator.face(1, w=w)
    with pytest.raises(SettingError, match="needs a seed"):
        generator.face(w=w, noise="seeded")
    with pytest.raises(SettingError, match="used as they are"):
        generator.face(w=w, psi=0.5)
    with pytest.raises(SettingError, match=r"between -1\.5 and 1\.5"):
        generator.face(1, psi=7)
    with pytest.raises(ShapeError, match=r"\[7\]"):
        generator.face(w=np.zeros(7))
    with pytest.raises(ShapeError, match=r"z is \[7\]"):
        generator.face(z=np.zeros(7))
    with pytest.raises(ShapeError, match="finite"):
        generator.face(z=np.full(8, np.nan))
    with pytest.raises(ShapeError, match="2 faces"):
        generator.face(w=np.zeros((2, 8)))


@pytest.mark.parametrize("format", get_args(PictureFormat))
def test_every_picture_says_that_it_was_generated_and_how(generator: Generator, format: PictureFormat) -> None:
    face = generator.face(7, psi=0.5)
    with Image.open(io.BytesIO(face.encode(format=format, size_px=16))) as image:
        assert image.size == (16, 16)
        xmp = xmp_of(image)
    assert xmp is not None
    assert is_marked(xmp)
    recipe = recipe_of(xmp)
    assert recipe is not None
    assert recipe["seed"] == 7
    assert recipe["psi"] == 0.5
    assert recipe["model"] == "tiny"
    assert recipe["weights"] == "0123456789abcdef"


def test_recipes_tell_faces_apart(generator: Generator) -> None:
    made = [
        generator.face(1),
        generator.face(2),
        generator.face(1, psi=0.5),
        generator.face(1, cutoff=2),
        generator.face(1, noise="none"),
        generator.face(w=generator.w(1)),
        generator.face(w=generator.w(2)),
    ]
    assert len({str(face.recipe()) for face in made}) == len(made)


def test_save_takes_the_format_from_the_name(generator: Generator, tmp_path: Path) -> None:
    face = generator.face(1)
    with Image.open(face.save(tmp_path / "a.png")) as image:
        assert image.format == "PNG"
        assert np.array_equal(np.asarray(image), face.pixels)
        assert np.array_equal(np.asarray(face.image), face.pixels)
    with Image.open(face.save(tmp_path / "a.x", format="webp", size_px=24, quality=50)) as image:
        assert (image.format, image.size) == ("WEBP", (24, 24))


def test_a_face_that_cannot_be_saved_leaves_nothing(generator: Generator, tmp_path: Path) -> None:
    face = generator.face(1)
    with pytest.raises(SettingError, match="up to 32 px"):
        face.save(tmp_path / "a.png", size_px=33)
    with pytest.raises(SettingError, match="names no picture format"):
        face.save(tmp_path / "a.txt")
    with pytest.raises(OutputError, match="No such file"):
        face.save(tmp_path / "missing" / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_draw_takes_codes_with_their_seeds(generator: Generator) -> None:
    faces = list(generator.draw([(5, generator.w(5))], FaceSettings()))
    assert np.array_equal(faces[0].pixels, generator.face(5).pixels)
    assert faces[0].recipe() == generator.face(5).recipe()
