from dataclasses import fields

import numpy as np
import pytest

from nobodies.errors import ShapeError
from nobodies.vision.attributes import read_attributes
from nobodies.vision.colour import lab_of
from nobodies.vision.results import Attributes, Estimate
from tests.vision.conftest import BEARDED, CHILD, LAUGHING, SEEDS, SPECTACLED, SUNGLASSES, face, mesh_of


def shipped_only(seed: int) -> Attributes:
    return read_attributes(face(seed), mesh_of(seed), fetch=False)


def test_faces_look_their_age_smile_and_appearance() -> None:
    child, man, laughing = shipped_only(CHILD), shipped_only(BEARDED), shipped_only(LAUGHING)
    assert child.age.value < 12 < 25 < man.age.value
    assert man.woman.value < 0.2
    assert laughing.smile.value > 0.8
    assert laughing.mouth_open.value > 0.9
    assert shipped_only(SPECTACLED).smile.value < 0.4
    assert child.eyes_open.value > 0.9


def test_colours_follow_the_light() -> None:
    blond, dark = shipped_only(CHILD), shipped_only(SPECTACLED)
    assert blond.hair_lightness.value > dark.hair_lightness.value + 20
    dimmed = read_attributes((face(CHILD) * 0.5).astype(np.uint8), mesh_of(CHILD), fetch=False)
    assert dimmed.skin_lightness.value < blond.skin_lightness.value - 15


def test_what_needs_fetched_nets_is_left_open_without_them() -> None:
    seen = shipped_only(SPECTACLED)
    assert (seen.eyeglasses, seen.sunglasses, seen.beard) == (None, None, None)
    assert seen.age.confidence <= 0.5


@pytest.mark.usefixtures("fetched_nets")
def test_glasses_and_beards_are_told_apart() -> None:
    seen = {seed: read_attributes(face(seed), mesh_of(seed)) for seed in SEEDS}
    for name, wearers in (("eyeglasses", {SPECTACLED}), ("sunglasses", {SUNGLASSES})):
        assert {seed for seed in SEEDS if getattr(seen[seed], name).value > 0.5} == wearers
    bearded = {seed for seed in SEEDS if (beard := seen[seed].beard) and beard.value > 0.5}
    assert bearded >= {BEARDED, SUNGLASSES}
    assert not bearded & {CHILD, LAUGHING}
    # Behind dark glasses nothing is known of the eyes.
    assert seen[SUNGLASSES].eyes_open.confidence < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_probabilities_and_confidences_are_shares(seed: int) -> None:
    seen = shipped_only(seed)
    for each in fields(seen):
        value = getattr(seen, each.name)
        if isinstance(value, Estimate):
            assert 0 <= value.confidence <= 1
            assert each.name in {"age", "hair_lightness", "skin_lightness"} or 0 <= value.value <= 1


def test_nothing_is_said_of_origin() -> None:
    names = " ".join(each.name for each in fields(Attributes))
    assert not any(word in names for word in ("race", "ethnic", "origin", "nation"))


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ShapeError):
        read_attributes(np.zeros((4, 4), np.uint8), mesh_of(CHILD))


def test_lab_of_known_colours() -> None:
    known = {(255, 255, 255): (100, 0, 0), (0, 0, 0): (0, 0, 0), (255, 0, 0): (53.24, 80.09, 67.20)}
    for rgb, lab in known.items():
        assert lab_of(np.array(rgb)) == pytest.approx(lab, abs=0.02)
