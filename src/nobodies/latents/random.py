"""Random numbers that nobodies fixes itself, to the last bit.

A seed must give the same face next year, on another processor and under another numpy. So the stream is a published
counter-based generator (Philox4x32-10), and it is turned into normal numbers with additions, multiplications,
divisions and square roots only: operations whose result IEEE 754 defines exactly. No library's logarithm or cosine,
whose last bit may differ from one build to the next, has a part in it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Words = NDArray[np.uint64]

_ROUNDS: Final = 10
_MULTIPLIERS: Final = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL: Final = (0x9E3779B9, 0xBB67AE85)
_LOW: Final = np.uint64(0xFFFFFFFF)
_HIGH_SHIFT: Final = np.uint64(32)


def philox4x32(counters: NDArray[np.uint32], key: tuple[int, int] | tuple[Words, Words]) -> NDArray[np.uint32]:
    """Encrypt counters into random words.

    Args:
        counters: [N, 4], one block of 128 bits a row.
        key: two words of 32 bits, for all rows or [N] for each its own.

    Returns:
        Random words, [N, 4].

    Source: Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    a, b, c, d = counters.T.astype(np.uint64)
    for turn in range(_ROUNDS):
        key_a = np.asarray((key[0] + turn * _WEYL[0]) & 0xFFFFFFFF, np.uint64)
        key_b = np.asarray((key[1] + turn * _WEYL[1]) & 0xFFFFFFFF, np.uint64)
        left, right = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (right >> _HIGH_SHIFT) ^ b ^ key_a, right & _LOW, (left >> _HIGH_SHIFT) ^ d ^ key_b, left & _LOW
    return np.stack([a, b, c, d], axis=1).astype(np.uint32)


def uniforms(seed: int, count: int, *, stream: int) -> Float:
    """Random numbers strictly between 0 and 1, evenly spread.

    Args:
        seed: 0 to 2**64 - 1, the key of the generator.
        count: how many numbers. The first so many are the same for every `count`.
        stream: 0 to 2**64 - 1; streams of one seed are independent of each other.

    Returns:
        [count] odd multiples of 2**-53.
    """
    counters = _counters(count, stream)
    return _unit_interval(philox4x32(counters, _halves(seed)))[:count]


def uniforms_of(seeds: Sequence[int], count: int, *, stream: int) -> Float:
    """Random numbers of many seeds at once, [S, count]; each row as `uniforms` gives it, to the last bit."""
    counters = np.tile(_counters(count, stream), (len(seeds), 1))
    keys = np.asarray(seeds, np.uint64).repeat(-(-count // 2))
    words = philox4x32(counters, (keys & _LOW, keys >> _HIGH_SHIFT))
    return _unit_interval(words).reshape(len(seeds), -1)[:, :count]


def _counters(count: int, stream: int) -> NDArray[np.uint32]:
    """Counters of enough blocks for `count` numbers: [ceil(count / 2), 4]."""
    num_blocks = -(-count // 2)
    counters = np.zeros((num_blocks, 4), np.uint32)
    index = np.arange(num_blocks, dtype=np.uint64)
    counters[:, 0], counters[:, 1] = index & _LOW, index >> _HIGH_SHIFT
    counters[:, 2:] = _halves(stream)
    return counters


def _unit_interval(words: NDArray[np.uint32]) -> Float:
    """Make two numbers strictly between 0 and 1 of each block of words [N, 4]: [2 N]."""
    pairs = words.astype(np.uint64).reshape(-1, 2)
    # 52 random bits and a one behind them: never 0, never 1, and exact in a double.
    bits = (pairs[:, 1] << np.uint64(20)) | (pairs[:, 0] >> np.uint64(12))
    return (bits * np.uint64(2) + np.uint64(1)).astype(np.float64) * 2.0**-53


def normals(seed: int, count: int, *, stream: int) -> Float:
    """Random numbers of the standard normal distribution; arguments as for `uniforms`."""
    return normal_quantile(uniforms(seed, count, stream=stream))


def normals_of(seeds: Sequence[int], count: int, *, stream: int) -> Float:
    """Random numbers of the standard normal distribution; arguments as for `uniforms_of`."""
    return normal_quantile(uniforms_of(seeds, count, stream=stream))


def _halves(value: int) -> tuple[int, int]:
    return value & 0xFFFFFFFF, value >> 32


# Numerators and denominators of the three rational approximations, constant term first (Wichura 1988, PPND16).
_CENTRE: Final = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_MIDDLE: Final = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_TAIL: Final = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def normal_quantile(p: Float) -> Float:
    """Give the value below which a standard normal number falls with probability `p`.

    Args:
        p: probabilities strictly between 0 and 1, any shape.

    Returns:
        Quantiles, shaped like `p`, right to about one part in 10**15.

    Source: algorithm AS 241 (PPND16) of Wichura, Applied Statistics 37 (1988).
    """
    q = p - 0.5
    centre = q * _ratio(_CENTRE, 0.180625 - q * q)
    r = np.sqrt(-_log(np.minimum(p, 1.0 - p)))
    tail = np.where(r <= 5.0, _ratio(_MIDDLE, r - 1.6), _ratio(_TAIL, r - 5.0))
    return np.where(np.abs(q) <= 0.425, centre, np.copysign(tail, q))


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: Float) -> Float:
    above, below = (_polynomial(coefficients, x) for coefficients in polynomials)
    return above / below


def _polynomial(coefficients: tuple[float, ...], x: Float) -> Float:
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


_LN2: Final = 0.6931471805599453
_SQRT_HALF: Final = 0.7071067811865476
_ATANH_SERIES: Final = tuple(1.0 / odd for odd in range(1, 24, 2))


def _log(x: Float) -> Float:
    """Natural logarithm of positive numbers, by exact operations: log m = 2 atanh((m - 1) / (m + 1))."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < _SQRT_HALF
    mantissa, exponent = np.where(low, mantissa * 2.0, mantissa), exponent - low
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return exponent * _LN2 + 2.0 * s * _polynomial(_ATANH_SERIES, s * s)
