"""Laws of the distances, and a whole evaluation on cheap features."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nobodies.errors import SettingError
from nobodies.networks import Generator
from nobodies.training.dataset import PictureDataset
from nobodies.training.metrics import frechet, kid, precision_recall
from nobodies.training.metrics.curve import kid_curve
from nobodies.training.metrics.distances import jackknife, nearest
from nobodies.training.metrics.evaluation import evaluate, path_length
from nobodies.training.metrics.features import INPUT_PX, as_rgb
from nobodies.training.processes import Processes
from nobodies.training.run import RunFolder, begin_or_continue
from tests.training.conftest import draw_pictures, tiny_config

Array = NDArray[Any]


def normal(count: int, *, mean: float = 0.0, scale: float = 1.0, seed: int = 0, width: int = 6) -> Array:
    return np.random.default_rng(seed).normal(mean, scale, (count, width))


def means(pictures: Array) -> Array:
    """Features that cost nothing: means of quarters."""
    n, p, side, _ = pictures.shape
    quarters = pictures.reshape(n, p, 2, side // 2, 2, side // 2).mean(axis=(3, 5))
    return np.asarray(quarters.reshape(n, -1) / 64)


def test_kid_is_nothing_for_equal_distributions_and_unbiased() -> None:
    values = [kid(normal(50, seed=2 * i), normal(50, seed=2 * i + 1)) for i in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)
    assert kid(normal(300), normal(300, mean=0.5, seed=1)) > 0.1


def test_kid_equals_its_definition() -> None:
    real, made = normal(5), normal(4, seed=1)

    def k(a: Array, b: Array) -> float:
        return float((a @ b / 6 + 1) ** 3)

    within = [np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]) for x in (real, made)]
    assert kid(real, made) == pytest.approx(sum(within) - 2 * np.mean([k(a, b) for a in real for b in made]))


def test_frechet_of_gaussians_equals_the_formula() -> None:
    real, made = normal(40_000), normal(40_000, mean=0.5, scale=2.0, seed=1)
    assert frechet(real, made) == pytest.approx(6 * (0.25 + 1), rel=0.05)
    assert frechet(real, real) == pytest.approx(0, abs=1e-6)


def test_precision_and_recall_tell_quality_from_variety() -> None:
    real = normal(400, width=2)
    narrow = normal(400, scale=0.2, seed=1, width=2)
    wide = normal(400, scale=5.0, seed=2, width=2)
    assert precision_recall(real, narrow)[0] > 0.95 > 0.5 > precision_recall(real, narrow)[1]
    assert precision_recall(real, wide)[0] < 0.5
    assert precision_recall(real, real) == (1.0, 1.0)


def test_the_interval_covers_the_truth() -> None:
    hits = 0
    for seed in range(60):
        estimate = jackknife(lambda a, _: float(a.mean()), normal(100, seed=seed), normal(100))
        hits += abs(estimate.value) <= estimate.interval
    assert hits >= 51
    with pytest.raises(SettingError, match="at least 20"):
        jackknife(kid, normal(10), normal(100))


def test_nearest() -> None:
    real = normal(30)
    found, distances = nearest(real[[4, 7]] + 1e-4, real)
    assert found.tolist() == [4, 7]
    assert distances.max() < 0.01


def test_grey_and_alpha_become_rgb() -> None:
    for channels in (1, 3, 4):
        assert as_rgb(np.zeros((channels, 8, 8), np.uint8)).shape == (INPUT_PX, INPUT_PX, 3)


def test_an_evaluation(tmp_path: Path) -> None:
    dataset = PictureDataset(draw_pictures(tmp_path, count=30))
    generator = Generator(tiny_config().generator).eval()
    first, second = (evaluate(generator, dataset, means, count=24) for _ in range(2))
    assert (first.kid, first.path_length) == (second.kid, second.path_length)
    assert (first.kid.num_real, first.kid.num_made) == (24, 24)
    assert 0 <= first.precision.value <= 1
    assert first.neighbours.shape == (4 * 8, 8 * 8, 3)
    assert first.nearest_distance > 0
    with pytest.raises(SettingError, match="give the dataset"):
        evaluate(Generator(tiny_config(img_channels=1).generator), dataset, means, count=24)


def test_a_flat_generator_has_no_path_length() -> None:
    generator = Generator(tiny_config().generator).eval()
    assert path_length(generator, means, count=20).min() >= 0
    assert path_length(generator, lambda pictures: np.zeros((len(pictures), 2)), count=20).max() == 0


def test_the_curve_measures_each_generator_once(tmp_path: Path) -> None:
    dataset = PictureDataset(draw_pictures(tmp_path / "pictures", count=24))
    folder = RunFolder(tmp_path / "run")
    begin_or_continue(folder, tiny_config(), Processes())
    calls = []

    def counted(pictures: Array) -> Array:
        calls.append(len(pictures))
        return means(pictures)

    first = list(kid_curve(folder, dataset, counted, count=20))
    done = len(calls)
    assert list(kid_curve(folder, dataset, counted, count=20)) == first
    assert len(calls) == done
    assert [num_pictures for num_pictures, _ in first] == [0]
