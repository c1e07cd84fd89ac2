import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.errors import SettingError
from nobodies.latents import noise_from_seed, parse_seed, parse_seed_ranges, z_from_seed

SEEDS = st.integers(0, 2**64 - 1)


def test_a_seed_keeps_its_latent_code_for_ever() -> None:
    # If this fails, every face that anybody has kept the seed of has changed. Do not mend the numbers.
    assert z_from_seed(42, 512)[:4].tobytes().hex() == "336ea1bd53fad1be0f65e5be090aebbd"
    assert z_from_seed(2**64 - 1, 512)[-4:].tobytes().hex() == "cf1faebe7abf2bc050d3543fd46180bf"
    assert noise_from_seed(42, [4, 8])[1][-1, -4:].tobytes().hex() == "daabe2be4ccf11c06538febfad87b83f"


def test_a_text_keeps_its_seed_for_ever() -> None:
    assert parse_seed("any text") == 11285876729861036076
    assert parse_seed("Zoë") == 8012186748067075239


@given(SEEDS)
def test_a_number_means_itself_as_text_too(seed: int) -> None:
    assert parse_seed(seed) == parse_seed(str(seed)) == parse_seed(f" {seed} ") == seed


@given(st.text(min_size=1))
def test_any_text_is_a_seed_whatever_its_unicode_form(text: str) -> None:
    try:
        seed = parse_seed(text)
    except SettingError:
        assert not text.strip() or text.strip().isdigit()
        return
    assert 0 <= seed < 2**64
    assert parse_seed(unicodedata.normalize("NFD", text)) == seed


@pytest.mark.parametrize("seed", [-1, 2**64, str(2**64), "9" * 10_000, "", "   "])
def test_a_seed_out_of_range_is_refused_in_one_line(seed: int | str) -> None:
    with pytest.raises(SettingError) as error:
        parse_seed(seed)
    assert len(str(error.value)) < 120
    assert "\n" not in str(error.value)


def test_ranges_keep_their_order_and_lose_repetitions() -> None:
    assert list(parse_seed_ranges("1-3, 99,2,7-7")) == [1, 2, 3, 99, 7]


@given(st.integers(0, 2**64 - 101), st.integers(0, 100))
def test_a_range_has_both_its_ends(first: int, length: int) -> None:
    assert list(parse_seed_ranges(f"{first}-{first + length}")) == list(range(first, first + length + 1))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "1-12,99"),
        ("a-b", "1-12,99"),
        ("1-", "1-12,99"),
        ("5-1", "write 1-5"),
        ("1,,2", "1-12,99"),
        ("-3", "1-12,99"),
        ("0-99999999999", "at most"),
        (f"{2**64}", "out of range"),
        ("١-٣", "1-12,99"),
    ],
)
def test_malformed_ranges_say_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(SettingError, match=hint):
        parse_seed_ranges(text)


def test_noise_maps_have_their_sizes_and_are_independent() -> None:
    maps = noise_from_seed(7, [4, 8, 8])
    assert [each.shape for each in maps] == [(4, 4), (8, 8), (8, 8)]
    assert not np.array_equal(maps[1], maps[2])
    assert not np.array_equal(maps[0].ravel(), z_from_seed(7, 16))
