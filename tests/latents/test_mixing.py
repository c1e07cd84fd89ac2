import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.errors import SettingError, ShapeError
from nobodies.latents.mixing import average, layers_of, mix, mixing_table


def codes(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@given(st.integers(3, 40))
def test_the_bands_cover_all_layers_once(num_ws: int) -> None:
    covered = [layer for band in ("coarse", "middle", "fine") for layer in range(num_ws)[layers_of(band, num_ws)]]
    assert covered == list(range(num_ws)) == list(range(num_ws)[layers_of("all", num_ws)])


def test_the_bands_of_stylegan2_at_1024() -> None:
    assert [layers_of(band, 18) for band in ("coarse", "middle", "fine")] == [slice(0, 4), slice(4, 8), slice(8, 18)]


def test_layers_by_number() -> None:
    assert layers_of("3-7", 23) == slice(3, 8)
    assert layers_of("0", 23) == slice(0, 1)


@pytest.mark.parametrize("text", ["", "pose", "5-3", "3-23", "-1", "1-2-3", "99999999999999999999"])
def test_layers_that_there_are_not_are_refused(text: str) -> None:
    with pytest.raises(SettingError):
        layers_of(text, 23)


def test_a_mix_takes_its_layers_from_the_other_face_to_the_last_bit() -> None:
    base, other = codes(5, 8), codes(5, 8, seed=1)
    mixed = mix(base, other, slice(1, 3))
    assert np.array_equal(mixed[1:3], other[1:3])
    assert np.array_equal(mixed[[0, 3, 4]], base[[0, 3, 4]])


def test_half_a_mix_lies_between() -> None:
    base, other = codes(5, 8), codes(5, 8, seed=1)
    assert mix(base, other, slice(0, 5), strength=0.5) == pytest.approx((base + other) / 2, abs=1e-6)
    assert np.array_equal(mix(base, other, slice(0, 5), strength=0), base)


def test_a_table_mixes_every_row_with_every_column() -> None:
    rows, columns = codes(2, 5, 8), codes(3, 5, 8, seed=1)
    table = mixing_table(rows, columns, slice(0, 2))
    assert table.shape == (2, 3, 5, 8)
    for row in range(2):
        for column in range(3):
            assert np.array_equal(table[row, column], mix(rows[row], columns[column], slice(0, 2)))


def test_faces_of_different_models_do_not_mix() -> None:
    with pytest.raises(ShapeError, match="cannot be mixed"):
        mix(codes(5, 8), codes(6, 8), slice(0, 2))


def test_an_average_of_one_is_itself_and_of_two_is_between() -> None:
    ws = codes(2, 5, 8)
    assert np.array_equal(average(ws[:1]), ws[0])
    assert average(ws) == pytest.approx(ws.mean(0), abs=1e-6)
    assert average(ws, [3, 1]) == pytest.approx(0.75 * ws[0] + 0.25 * ws[1], abs=1e-6)


def test_averages_of_nothing_are_refused() -> None:
    with pytest.raises(ShapeError):
        average(codes(0, 5, 8))
    for weights in ([1.0], [0.0, 0.0], [1.0, -1.0], [float("nan"), 1.0], [float("inf"), 1.0]):
        with pytest.raises(SettingError, match="weights"):
            average(codes(2, 5, 8), weights)
