import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.provenance.watermark.code import Bits, Soft, _checksum, num_coded_bits, protect, recover


def soft_of(coded: Bits) -> Soft:
    return 1 - 2 * coded.astype(np.float32)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=80))
def test_what_is_protected_is_recovered(message: list[int]) -> None:
    bits = np.array(message, np.uint8)
    coded = protect(bits)
    assert coded.size == num_coded_bits(bits.size)
    recovered = recover(soft_of(coded))
    assert recovered is not None
    np.testing.assert_array_equal(recovered, bits)


@given(st.integers(0, 2**32 - 1))
def test_any_seven_wrong_bits_are_corrected(seed: int) -> None:
    # The free distance of this code is 15, so up to 7 errors anywhere are corrected.
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, 40).astype(np.uint8)
    soft = soft_of(protect(bits))
    soft[rng.choice(soft.size, 7, replace=False)] *= -1
    recovered = recover(soft)
    assert recovered is not None
    np.testing.assert_array_equal(recovered, bits)


def test_soft_values_that_are_sure_outvote_many_that_are_not() -> None:
    bits = np.tile(np.array([1, 0, 0, 1], np.uint8), 10)
    soft = soft_of(protect(bits))
    wrong = np.arange(soft.size) % 3 == 0
    soft[wrong] *= -0.4
    recovered = recover(soft)
    assert recovered is not None
    np.testing.assert_array_equal(recovered, bits)


@pytest.mark.parametrize("seed", range(50))
def test_noise_is_not_taken_for_a_message(seed: int) -> None:
    assert recover(np.random.default_rng(seed).standard_normal(num_coded_bits(68)).astype(np.float32)) is None


def test_the_checksum_is_that_of_openpgp() -> None:
    """0x21CF02 is the published check value of CRC-24/OPENPGP, over the text 123456789."""
    bits = np.unpackbits(np.frombuffer(b"123456789", np.uint8))
    assert int("".join(map(str, _checksum(bits))), 2) == 0x21CF02
