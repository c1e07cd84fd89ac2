from pathlib import Path

import numpy as np
import pytest

from nobodies import survey
from nobodies.errors import InputError, SettingError
from nobodies.generator import Generator
from nobodies.labelling import labels_of, opinion_of
from nobodies.latents.fitting import band_edges
from nobodies.survey import SHARD_FACES, Look, Survey, load_survey, run_survey
from nobodies.vision.geometry import head_pose
from tests.vision.conftest import SUNGLASSES, face, mesh_of


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was looked at: the mean of each picture. Every seventh shows no face."""
    seen: list[float] = []

    def look(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Look | None:
        seen.append(float(pixels.mean()))
        values = {"age": seen[-1], "age.first": seen[-1] + 2, "smile": 0.5}
        return None if len(seen) % 7 == 0 else Look(values, *(np.ones(size, np.float32) for size in (128, 956, 1280)))

    monkeypatch.setattr(survey, "look", look)
    return seen


def test_a_survey_keeps_what_was_seen_of_each_face(generator: Generator, tmp_path: Path) -> None:
    done = list(run_survey(generator, tmp_path, 60))
    assert done == list(range(2 * SHARD_FACES + 1))
    found = load_survey(tmp_path)
    assert len(found.w) == len(found.seeds) == 100 - 100 // 7
    assert ((found.psi >= 0.7) & (found.psi <= 1.0)).all()
    first = generator.w(int(found.seeds[0]), psi=float(found.psi[0]))[0]
    assert found.w[0] == pytest.approx(first, abs=1e-6)
    assert found.embedding.shape == (len(found.w), 128)


def test_a_mixed_face_has_another_code_in_each_band(generator: Generator, tmp_path: Path) -> None:
    list(run_survey(generator, tmp_path, 50, kind="mixed"))
    found = load_survey(tmp_path, kind="mixed")
    num_bands = len(band_edges(generator.engine.num_ws)) - 1
    assert found.w.shape[1:] == (num_bands, generator.engine.w_dim)
    assert (np.abs(np.diff(found.w, axis=1)).max(2) > 0).all()
    with pytest.raises(InputError, match="holds no survey"):
        load_survey(tmp_path)


def test_a_survey_goes_on_where_it_stopped(generator: Generator, tmp_path: Path, looks: list[float]) -> None:
    running = run_survey(generator, tmp_path / "a", 150)
    for done in running:
        if done == SHARD_FACES + 20:
            break
    running.close()
    assert len(list((tmp_path / "a").glob("*.npz"))) == 1
    assert next(run_survey(generator, tmp_path / "a", 150)) == SHARD_FACES
    list(run_survey(generator, tmp_path / "a", 150))
    assert len(list((tmp_path / "a").glob("*.npz"))) == 3
    assert list(run_survey(generator, tmp_path / "a", 150)) == [150]


def test_faces_of_another_model_are_not_mixed_in(generator: Generator, tmp_path: Path) -> None:
    list(run_survey(generator, tmp_path, 50))
    object.__setattr__(generator.model.description, "weights_sha256", "f" * 64)
    with pytest.raises(SettingError, match="choose another --state folder"):
        list(run_survey(generator, tmp_path, 50))


def test_damage_is_noticed(generator: Generator, tmp_path: Path) -> None:
    list(run_survey(generator, tmp_path, 50))
    shard = next(tmp_path.glob("*.npz"))
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        load_survey(tmp_path)
    with pytest.raises(InputError, match="holds no survey"):
        load_survey(tmp_path / "nothing")


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_surveys_of_no_size_are_refused(generator: Generator, tmp_path: Path, count: int) -> None:
    with pytest.raises(SettingError, match="take 1 to"):
        list(run_survey(generator, tmp_path, count))


def test_dark_glasses_say_nothing_about_clear_ones() -> None:
    values = {"eyeglasses": np.array([0.9, 0.1, 0.0]), "sunglasses": np.array([0.0, 0.9, 0.0])}
    none = np.zeros((3, 1), np.float32)
    labels = labels_of(Survey(np.zeros(3, np.uint64), none, none, values, none, none, none))
    assert np.isnan(labels["eyeglasses"]).tolist() == [False, True, False]
    assert labels["sunglasses"].tolist() == [0.0, 0.9, 0.0]


def test_one_of_two_opinions_can_be_taken(generator: Generator, tmp_path: Path) -> None:
    list(run_survey(generator, tmp_path, 50))
    found = load_survey(tmp_path)
    both, first, second = (labels_of(found, opinion)["age"] for opinion in ("both", "first", "second"))
    assert (first + second) / 2 == pytest.approx(both)
    assert first == pytest.approx(both + 2)
    assert opinion_of(found.values, "age", "second") == pytest.approx(both - 2)
    assert np.array_equal(labels_of(found, "first")["smile"], labels_of(found)["smile"])


def test_a_turn_that_the_mirror_contradicts_cannot_be_told() -> None:
    yaw = head_pose(mesh_of(SUNGLASSES)).yaw
    assert yaw < -5
    assert survey._checked_yaw(face(SUNGLASSES), yaw) == yaw
    assert np.isnan(survey._checked_yaw(face(SUNGLASSES), -yaw))
    assert survey._checked_yaw(np.zeros((64, 64, 3), np.uint8), 4.0) == 4.0  # hardly turned: nothing to mistake
    assert np.isnan(survey._checked_yaw(np.zeros((64, 64, 3), np.uint8), 40.0))
