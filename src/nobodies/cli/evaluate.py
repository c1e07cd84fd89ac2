"""`nobodies evaluate`: measure how good and how varied a generator is."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobodies.errors import DependencyError, SettingError
from nobodies.training.dataset import PictureDataset

if TYPE_CHECKING:
    from nobodies.training.metrics.features import Extract


@click.command(name="evaluate")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Dataset it was trained on.")
@click.option("--count", type=click.IntRange(20, 1_000_000), default=2000, show_default=True, help="Pictures.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Fixes which.")
@click.option("--curve", is_flag=True, help="TARGET is a run: KID of every averaged generator, kept for its page.")
@click.option("--neighbours", type=click.Path(path_type=Path), help="Write the nearest training pictures here.")
@click.option(
    "--inception",
    type=click.Path(path_type=Path),
    help="Measure on Inception's features instead; its weights, pytorch-fid's pt_inception-2015-12-05-….pth.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    target: Path,
    data: Path,
    count: int,
    seed: int,
    curve: bool,
    neighbours: Path | None,
    inception: Path | None,
    as_json: bool,
) -> None:
    """Measure TARGET, a run or one of its generators, against its training data.

    KID, Fréchet distance, precision, recall and path length are taken on features of EfficientNet-Lite0: compare them
    with others of that kind only. With --inception the Fréchet distance is the FID of pytorch-fid, and KID the
    standard one.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise DependencyError("evaluating needs torch: pip install 'nobodies[train]'") from error
    from nobodies.training.run import newest_generator

    if curve and inception is not None:
        raise SettingError("the curve of a run is kept on one kind of features: leave out --inception or --curve")
    dataset = PictureDataset(data)
    if curve:
        _show_curve(target, dataset, count, seed)
        return
    features = _features(inception)
    _show(newest_generator(target), dataset, features, count, seed, neighbours, as_json)


def _features(inception: Path | None) -> "tuple[str, Extract]":
    """The features to measure by, and their name."""
    if inception is None:
        from nobodies.training.metrics.features import NAME, efficientnet_features

        return NAME, efficientnet_features
    from nobodies.training.metrics.inception import inception_features, load_inception

    network, name = load_inception(inception)
    return name, inception_features(network)


def _show(
    path: Path,
    dataset: PictureDataset,
    features: "tuple[str, Extract]",
    count: int,
    seed: int,
    neighbours: Path | None,
    as_json: bool,
) -> None:
    from nobodies.training.checkpoint import load_generator
    from nobodies.training.metrics.evaluation import evaluate
    from nobodies.training.samples import write_png

    name_of_features, extract = features
    found = evaluate(load_generator(path), dataset, extract, count=count, seed=seed)
    if neighbours is not None:
        write_png(neighbours, found.neighbours)
    figures = {name: getattr(found, name) for name in ("kid", "frechet", "precision", "recall", "path_length")}
    if as_json:
        values: dict[str, Any] = {name: asdict(estimate) for name, estimate in figures.items()}
        values |= {"nearest_distance": found.nearest_distance, "real_distance": found.real_distance}
        click.echo(json.dumps({"generator": path.name, "features": name_of_features, **values}, indent=2))
        return
    click.echo(f"{path.name}, on features of {name_of_features}")
    for name, estimate in figures.items():
        click.echo(f"{name.replace('_', ' '):12} {estimate}")
    click.echo(f"nearest training picture: {found.nearest_distance:.3f} (real to real {found.real_distance:.3f})")


def _show_curve(run: Path, dataset: PictureDataset, count: int, seed: int) -> None:
    from nobodies.training.metrics.curve import kid_curve
    from nobodies.training.metrics.features import efficientnet_features
    from nobodies.training.run import RunFolder

    for num_pictures, estimate in kid_curve(RunFolder(run), dataset, efficientnet_features, count=count, seed=seed):
        click.echo(f"{num_pictures / 1000:8.1f} kimg  KID {estimate}")
