"""Seeds: what names a face. A whole number of 64 bits, or any text."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError
from nobodies.latents.random import normals, normals_of

NUM_SEEDS: Final = 2**64

_Z_STREAM: Final = 0
_NOISE_STREAM: Final = 1 << 32
_MOST_SEEDS: Final = 10_000_000
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def parse_seed(seed: int | str) -> int:
    """Turn what a user calls a seed into a number.

    Args:
        seed: a whole number from 0 to 2**64 - 1, the same in decimal digits, or any other text. A text is taken in
            its composed Unicode form (NFC) without surrounding white space; the same text is the same seed for ever.

    Returns:
        0 to 2**64 - 1. A text gives the first 64 bits of its BLAKE2b digest.

    Raises:
        SettingError: the number is outside of its range, or the text is empty.
    """
    if isinstance(seed, str):
        text = unicodedata.normalize("NFC", seed).strip()
        if not text:
            raise SettingError("the seed is empty: give a whole number or any text")
        if not (text.isascii() and text.isdigit()):
            return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, person=b"nobodies").digest(), "big")
        # Longer digit strings are out of range anyway, and converting thousands of digits is refused by Python.
        seed = int(text) if len(text) <= 20 else NUM_SEEDS
    number = int(seed)
    if not 0 <= number < NUM_SEEDS:
        raise SettingError(f"seed {_shortened(number)} is out of range: take 0 to {NUM_SEEDS - 1}, or any text")
    return number


def parse_seed_ranges(text: str) -> Sequence[int]:
    """Read a list of seeds such as `1-12,99`.

    Args:
        text: numbers and inclusive ranges of numbers, separated by commas.

    Returns:
        Seeds in the order written, without repetition.

    Raises:
        SettingError: a part is neither a number nor a range, runs backwards, or all parts together are too many.
    """
    ranges = [_parse_range(part.strip()) for part in text.split(",")]
    total = sum(len(each) for each in ranges)
    if total > _MOST_SEEDS:
        raise SettingError(f"'{_shortened(text)}' means {total} seeds: take at most {_MOST_SEEDS} at a time")
    if len(ranges) == 1:
        return ranges[0]
    return list(dict.fromkeys(seed for each in ranges for seed in each))


def _parse_range(part: str) -> range:
    match = _RANGE.fullmatch(part) if part.isascii() else None
    if not match:
        raise SettingError(f"'{_shortened(part)}' is not a seed or a range of seeds: write for example 1-12,99")
    first = parse_seed(match[1])
    last = parse_seed(match[2]) if match[2] else first
    if last < first:
        raise SettingError(f"the range of seeds '{part}' runs backwards: write {last}-{first}")
    return range(first, last + 1)


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def z_from_seed(seed: int, z_dim: int) -> NDArray[np.float32]:
    """Draw the latent code of a face.

    Args:
        seed: 0 to 2**64 - 1.
        z_dim: length of the code; a shorter code is the beginning of a longer one.

    Returns:
        Standard normal numbers, [z_dim].
    """
    return normals(seed, z_dim, stream=_Z_STREAM).astype(np.float32)


def z_from_seeds(seeds: Sequence[int], z_dim: int) -> NDArray[np.float32]:
    """Draw the latent codes of many faces at once, several times quicker than one by one.

    Args:
        seeds: each 0 to 2**64 - 1.
        z_dim: length of a code.

    Returns:
        [S, z_dim]; each row as `z_from_seed` gives it, to the last bit.
    """
    return normals_of(seeds, z_dim, stream=_Z_STREAM).astype(np.float32)


def noise_from_seed(seed: int, sizes_px: Sequence[int]) -> list[NDArray[np.float32]]:
    """Draw the noise maps of a face, one for each convolution that takes noise.

    Args:
        seed: 0 to 2**64 - 1.
        sizes_px: side of each map.

    Returns:
        Standard normal maps, [size, size] each, independent of each other and of the latent code.
    """
    return [
        normals(seed, size * size, stream=_NOISE_STREAM + layer).reshape(size, size).astype(np.float32)
        for layer, size in enumerate(sizes_px)
    ]
