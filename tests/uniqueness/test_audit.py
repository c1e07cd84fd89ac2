from pathlib import Path

import numpy as np
import pytest

from nobodies.errors import OutputError, SettingError
from nobodies.generator import Generator
from nobodies.uniqueness.audit import collect_faces, find_adults, likeness
from nobodies.uniqueness.collection import Collection
from nobodies.vision.identity import THRESHOLDS
from tests import tiny_attributes
from tests.uniqueness.test_neighbours import embeddings


def test_planted_look_alikes_are_counted_and_named() -> None:
    rows = embeddings(60)
    rows[40] = rows[7]
    rows[40, 0] += 0.2
    rows[50] = np.nan
    found = likeness(rows, num_shown=1)
    assert (found.num_faces, found.num_others) == (59, 59)
    assert {(each.num_pairs, each.num_faces) for each in found.at} == {(1, 2)}
    assert [each.distance for each in found.at] == [THRESHOLDS[rate] for rate in sorted(THRESHOLDS)]
    (pair,) = found.nearest_pairs
    assert pair[:2] == (7, 40)
    assert found.nearest[0] == pytest.approx(0.2, abs=1e-3)
    assert found.to_json()["at"][0]["share_of_pairs"] == pytest.approx(1 / (59 * 58 / 2))


def test_against_others_the_others_are_named() -> None:
    rows, others = embeddings(20), embeddings(30, 5)
    others[0] = np.nan
    others[13] = rows[4]
    found = likeness(rows, others)
    assert (found.num_faces, found.num_others) == (20, 29)
    assert found.nearest_pairs[0][:2] == (4, 13)


def test_nothing_to_compare_is_said() -> None:
    with pytest.raises(SettingError, match="at least two"):
        likeness(embeddings(1))
    with pytest.raises(SettingError, match="at least two"):
        likeness(embeddings(5), np.full((3, 128), np.nan, np.float32))


@pytest.mark.usefixtures("fingerprints")
def test_collecting_goes_on_with_the_seed_that_follows(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobodies.uniqueness.collection.PART_ROWS", 5)
    taking = collect_faces(generator, tmp_path / "a", psi=0.7, count=12)
    for _ in range(7):
        next(taking)
    taking.close()  # type: ignore[attr-defined]
    assert list(collect_faces(generator, tmp_path / "a", psi=0.7, count=12)) == list(range(6, 13))
    list(collect_faces(generator, tmp_path / "b", psi=0.7, count=12))
    first, second = (Collection.reopen(tmp_path / name).rows() for name in ("a", "b"))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(OutputError, match="another collection"):
        collect_faces(generator, tmp_path / "a", psi=1.0, count=12)


def test_adults_are_found_where_attributes_are_known(generator: Generator) -> None:
    assert find_adults(generator, psi=0.7, count=50) is None
    tiny_attributes.install()
    adults = find_adults(generator, psi=1.0, count=200, first_seed=7)
    assert adults is not None
    model = generator.attributes
    ages = np.array([model.predict(generator.w(7 + number, psi=1.0)[None])["age"][0] for number in range(200)])
    assert 0 < len(adults) < 200
    assert ages[adults].min() >= 20
    assert np.delete(ages, adults).max() < 25, "the margin of a guess"
