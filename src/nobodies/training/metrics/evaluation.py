"""All figures of one generator against one dataset."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nobodies.errors import SettingError
from nobodies.networks.generator import Generator
from nobodies.training.dataset import PictureDataset
from nobodies.training.metrics.distances import Estimate, frechet, jackknife, kid, nearest, precision_recall, radii
from nobodies.training.metrics.features import Extract, Pictures, features_of
from nobodies.training.randomness import epoch_order, torch_rng
from nobodies.training.samples import sheet, to_uint8

_CHUNK: Final = 16
PATH_STEP: Final = 1 / 32
"""Far enough that a path is seen in pictures of bytes; the paper's 1e-4 is not."""


@dataclass(frozen=True)
class Evaluation:
    """Figures, and the made pictures beside their nearest real ones."""

    kid: Estimate
    frechet: Estimate
    precision: Estimate
    recall: Estimate
    path_length: Estimate
    neighbours: Pictures
    """Rows of made and nearest real pictures in turn, [H, W, P]."""
    nearest_distance: float
    """Mean distance of a made picture to its nearest real one, …"""
    real_distance: float
    """… and of a real one to its nearest other real one. Far below it, the former means learning by heart."""


def real_features(dataset: PictureDataset, extract: Extract, *, count: int, seed: int = 0) -> NDArray[Any]:
    """Features of `count` pictures of a dataset, or all, in an order that the seed fixes: [N, F]."""
    chosen = epoch_order(seed, 0, len(dataset))[:count].tolist()
    batches = (dataset.batch(chosen[start : start + _CHUNK]) for start in range(0, len(chosen), _CHUNK))
    return features_of(batches, extract)


def made_pictures(generator: Generator, *, count: int, seed: int = 0, psi: float = 1.0) -> Iterator[Pictures]:
    """Draw `count` pictures in batches, with random noise and, where there are classes, all equally often."""
    for start in range(0, count, _CHUNK):
        rng = torch_rng(seed, "evaluation", start)
        size = min(_CHUNK, count - start)
        z = torch.randn(size, generator.config.z_dim, generator=rng)
        with torch.inference_mode():
            ws = generator.styles(z, _labels(generator, start, size), psi=psi)
            yield to_uint8(generator.synthesis(ws, noise_mode="random", rng=rng))


def path_length(generator: Generator, extract: Extract, *, count: int, seed: int = 0) -> NDArray[Any]:
    """Squared change of features a squared step along random paths in W, one figure a path, [N].

    Source: perceptual path length, arXiv:1812.04948, section 4.1, with these features and this step.
    """
    lengths = []
    for start in range(0, count, _CHUNK):
        rng = torch_rng(seed, "path", start)
        size = min(_CHUNK, count - start)
        z = torch.randn(2, size, generator.config.z_dim, generator=rng)
        t = torch.rand(size, 1, 1, generator=rng) * (1 - PATH_STEP)
        with torch.inference_mode():
            first, second = (generator.styles(each, _labels(generator, start, size)) for each in z)
            near, far = (
                extract(to_uint8(generator.synthesis(first.lerp(second, at), noise_mode="const")))
                for at in (t, t + PATH_STEP)
            )
        lengths.append(((near - far) ** 2).sum(axis=1) / PATH_STEP**2)
    return np.concatenate(lengths)


def evaluate(
    generator: Generator, dataset: PictureDataset, extract: Extract, *, count: int = 2000, seed: int = 0
) -> Evaluation:
    """Measure a generator against the data it was trained on.

    Args:
        generator: ready to draw.
        dataset: of real pictures.
        extract: features to measure by.
        count: of made pictures, and of real ones if there are as many.
        seed: fixes which.

    Raises:
        SettingError: dataset and generator do not go together, or there are too few pictures.
    """
    config = generator.config
    if (dataset.resolution, dataset.img_channels) != (config.resolution, config.img_channels):
        raise SettingError(
            f"the generator makes {config.img_channels} x {config.resolution} px, {dataset.path} has "
            f"{dataset.img_channels} x {dataset.resolution}: give the dataset it was trained on"
        )
    batches = list(made_pictures(generator, count=count, seed=seed))
    made, real = features_of(batches, extract), real_features(dataset, extract, count=count, seed=seed)
    everything = real if len(real) == len(dataset) else real_features(dataset, extract, count=len(dataset), seed=seed)
    found, distances = nearest(made, everything)
    order = epoch_order(seed, 0, len(dataset))
    lengths = path_length(generator, extract, count=max(count // 2, 20), seed=seed)
    return Evaluation(
        kid=jackknife(kid, real, made),
        frechet=jackknife(frechet, real, made),
        precision=jackknife(lambda a, b: precision_recall(a, b)[0], real, made),
        recall=jackknife(lambda a, b: precision_recall(a, b)[1], real, made),
        path_length=jackknife(lambda a, _: float(a.mean()), lengths, lengths),
        neighbours=_side_by_side(np.concatenate(batches), dataset, order[found].tolist(), distances),
        nearest_distance=float(distances.mean()),
        real_distance=_distance_among(everything),
    )


def _distance_among(real: NDArray[Any], most: int = 1000) -> float:
    """Mean distance of real pictures, a sample of them, to their nearest others."""
    return float(np.sqrt(radii(real[:most], neighbours=1)).mean())


def _side_by_side(
    made: Pictures, dataset: PictureDataset, indices: list[int], distances: NDArray[Any], pairs: int = 16
) -> Pictures:
    """The made pictures nearest to any real one, each with it."""
    closest = np.argsort(distances)[:pairs].tolist()
    rows = [picture for index in closest for picture in (made[index], dataset.picture(indices[index]))]
    return sheet(np.stack(rows), columns=8)


def _labels(generator: Generator, start: int, size: int) -> torch.Tensor | None:
    classes = generator.config.c_dim
    if not classes:
        return None
    return torch.nn.functional.one_hot(torch.arange(start, start + size) % classes, classes).float()
