"""The error-correcting code of the watermark: a checksum of 24 bits, then a convolutional code, decoded softly.

Sources: the checksum is CRC-24 as in RFC 9580 (OpenPGP), section 6.1, computed over bits. The code is the one of
constraint length 7 and rate 1/3 with the generators 133, 165, 171 (octal) that mobile radio uses (3GPP TS 36.212,
5.1.3.1), ended with six zeros. Decoding is Viterbi's algorithm ("Error bounds for convolutional codes", 1967).
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
Soft = NDArray[np.float32]

CHECK_BITS: Final = 24
RATE: Final = 3
_POLYNOMIAL: Final = 0x864CFB
_INITIAL: Final = 0xB704CE
_MEMORY: Final = 6
_GENERATORS: Final = (0o133, 0o165, 0o171)
_NUM_STATES: Final = 1 << _MEMORY


def num_coded_bits(num_bits: int) -> int:
    """How many bits `protect` makes of `num_bits`."""
    return (num_bits + CHECK_BITS + _MEMORY) * RATE


def protect(bits: Bits) -> Bits:
    """Add the checksum and code the whole.

    Args:
        bits: zeros and ones, [N].

    Returns:
        Zeros and ones, [num_coded_bits(N)].
    """
    padded = np.concatenate([bits, _checksum(bits), np.zeros(_MEMORY, np.uint8)]).astype(np.uint8)
    coded = [np.convolve(padded, _taps(generator))[: padded.size] & 1 for generator in _GENERATORS]
    return np.stack(coded, axis=1).reshape(-1).astype(np.uint8)


def recover(soft: Soft) -> Bits | None:
    """Find the most likely message, and give it if its checksum holds.

    Args:
        soft: one number a coded bit, [num_coded_bits(N)]: positive for a likely 0, negative for a likely 1, the
            further from zero the surer. Their scale does not matter.

    Returns:
        The N bits, or None. Noise passes the checksum once in 2**24 tries.
    """
    decoded = _viterbi(soft.reshape(-1, RATE))[:-_MEMORY]
    bits, check = decoded[:-CHECK_BITS], decoded[-CHECK_BITS:]
    return bits if np.array_equal(_checksum(bits), check) else None


def _checksum(bits: Bits) -> Bits:
    register = _INITIAL
    for bit in bits.tolist():
        register ^= bit << (CHECK_BITS - 1)
        register = (register << 1) ^ (_POLYNOMIAL if register >> (CHECK_BITS - 1) & 1 else 0)
        register &= (1 << CHECK_BITS) - 1
    return np.array([register >> place & 1 for place in reversed(range(CHECK_BITS))], np.uint8)


def _taps(generator: int) -> NDArray[np.int64]:
    return np.array([generator >> (_MEMORY - delay) & 1 for delay in range(_MEMORY + 1)])


@cache
def _trellis() -> tuple[NDArray[np.intp], Soft]:
    """Give, for each state, its two predecessors [64, 2] and the signs sent on the way from them [64, 2, 3].

    A state is the last six bits, the newest on top, so the bit that leads into a state is its top bit.
    """
    state = np.arange(_NUM_STATES)
    newest = state >> (_MEMORY - 1)
    before = ((state << 1) & (_NUM_STATES - 1))[:, None] + np.arange(2)  # the oldest bit may have been 0 or 1
    window = (newest[:, None] << _MEMORY) | before
    sent = np.stack([np.bitwise_count(window & generator) & 1 for generator in _GENERATORS], axis=2)
    return before.astype(np.intp), (1 - 2 * sent.astype(np.float32))


def _viterbi(soft: Soft) -> Bits:
    """Decode [T, 3] soft values to T bits, from the zero state to the zero state."""
    before, signs = _trellis()
    gains = soft @ signs.reshape(-1, RATE).T  # [T, 128]
    metric = np.full(_NUM_STATES, -np.inf, np.float32)
    metric[0] = 0
    took = np.empty((len(soft), _NUM_STATES), np.uint8)
    for step, gain in enumerate(gains):
        options = metric[before] + gain.reshape(_NUM_STATES, 2)
        took[step] = options[:, 1] > options[:, 0]
        metric = options.max(axis=1)
    bits = np.empty(len(soft), np.uint8)
    state = 0
    for step in reversed(range(len(soft))):
        bits[step] = state >> (_MEMORY - 1)
        state = int(before[state, took[step, state]])
    return bits
