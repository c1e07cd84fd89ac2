import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobodies.latents.random import _log, normal_quantile, normals, normals_of, philox4x32, uniforms

SEEDS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_published_words(counter: list[int], key: tuple[int, int], words: list[int]) -> None:
    assert philox4x32(np.array([counter], np.uint32), key)[0].tolist() == words


@given(SEEDS, st.integers(1, 50), st.integers(1, 50), st.integers(0, 2**64 - 1))
def test_a_short_draw_is_the_beginning_of_a_long_one(seed: int, short: int, more: int, stream: int) -> None:
    long = uniforms(seed, short + more, stream=stream)
    assert np.array_equal(uniforms(seed, short, stream=stream), long[:short])


@given(SEEDS)
def test_uniforms_never_reach_the_ends(seed: int) -> None:
    drawn = uniforms(seed, 64, stream=1)
    assert (drawn > 0).all()
    assert (drawn < 1).all()


@given(SEEDS, SEEDS)
def test_seeds_and_streams_are_told_apart(a: int, b: int) -> None:
    if a != b:
        assert not np.array_equal(uniforms(a, 4, stream=0), uniforms(b, 4, stream=0))
        assert not np.array_equal(uniforms(1, 4, stream=a), uniforms(1, 4, stream=b))


@given(st.floats(2.0**-53, 1 - 2.0**-53))
def test_the_quantile_agrees_with_the_standard_library(p: float) -> None:
    assert normal_quantile(np.array([p]))[0] == pytest.approx(NormalDist().inv_cdf(p), rel=1e-13, abs=1e-15)


@given(st.floats(1e-300, 1e300))
def test_the_logarithm_agrees_with_the_standard_library(x: float) -> None:
    assert _log(np.array([x]))[0] == pytest.approx(math.log(x), rel=1e-14, abs=1e-15)


def test_normals_are_normal() -> None:
    drawn = np.sort(normals(2026, 200_000, stream=0))
    # Kolmogorov-Smirnov: at this many numbers, a distance of 0.0043 would be seen once in a thousand.
    expected = (np.arange(len(drawn)) + 0.5) / len(drawn)
    distance = np.abs([NormalDist().cdf(x) for x in drawn[::50]] - expected[::50]).max()
    assert distance < 0.0043
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01


def test_neighbouring_seeds_are_uncorrelated() -> None:
    drawn = np.stack([normals(seed, 512, stream=0) for seed in range(100)])
    correlations = np.atleast_2d(np.corrcoef(drawn))[np.triu_indices(100, 1)]
    assert abs(correlations.mean()) < 0.005
    assert np.abs(correlations).max() < 0.25


@given(st.lists(SEEDS, min_size=1, max_size=5), st.integers(1, 9), st.integers(0, 2**64 - 1))
def test_many_seeds_at_once_are_as_each_alone(seeds: list[int], count: int, stream: int) -> None:
    together = normals_of(seeds, count, stream=stream)
    assert np.array_equal(together, np.stack([normals(seed, count, stream=stream) for seed in seeds]))
