"""KID of every averaged generator of a run, measured once each and kept in `run/kid.jsonl`."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from nobodies.files import explained
from nobodies.training.checkpoint import load_generator
from nobodies.training.dataset import PictureDataset
from nobodies.training.metrics.distances import Estimate, jackknife, kid
from nobodies.training.metrics.evaluation import made_pictures, real_features
from nobodies.training.metrics.features import Extract, features_of
from nobodies.training.run import RunFolder


def kid_curve(
    folder: RunFolder, dataset: PictureDataset, extract: Extract, *, count: int, seed: int = 0
) -> Iterator[tuple[int, Estimate]]:
    """Measure what has not been measured with this count yet, and yield all: pictures shown, KID."""
    known = {each["num_pictures"]: each for each in folder.kid_figures() if each["count"] == count}
    real = None
    for path in folder.generator_paths():
        num_pictures = int(path.stem.partition("-")[2])
        if num_pictures in known:
            yield num_pictures, Estimate(**known[num_pictures]["kid"])
            continue
        if real is None:
            real = real_features(dataset, extract, count=count, seed=seed)
        made = features_of(made_pictures(load_generator(path), count=count, seed=seed), extract)
        estimate = jackknife(kid, real, made)
        line = json.dumps({"num_pictures": num_pictures, "count": count, "kid": asdict(estimate)})
        with explained(folder.kid_path), folder.kid_path.open("a") as file:
            file.write(line + "\n")
        yield num_pictures, estimate
