"""How alike are generated faces among themselves, and to real people?

The figures are distances of identity embeddings, so they are as good as the net: it was trained on photographs of
adults, mostly of public figures, and is known to tell some groups of people apart worse than others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.bulk.reading import MadeSet
from nobodies.choosing import Search
from nobodies.errors import ModelError, SettingError
from nobodies.generator import Generator
from nobodies.imaging.decode import read_pixels
from nobodies.latents.wishes import Wishes
from nobodies.settings import FaceSettings
from nobodies.uniqueness.collection import Collection
from nobodies.uniqueness.gallery import Gallery
from nobodies.uniqueness.look import embedding_of
from nobodies.uniqueness.neighbours import Comparison, Rows, compare
from nobodies.vision.identity import THRESHOLDS

PERCENTILES: Final = (0, 1, 10, 50, 90)


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """What happens at one distance below which two faces count as one person."""

    false_match_rate: float
    """Share of pairs of different generated people that was measured at this distance; see `vision.identity`."""
    distance: float
    num_pairs: int
    """Pairs taken for one person."""
    share_of_pairs: float
    num_faces: int
    """Faces with at least one other that they are taken for."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near the faces of a set are to others."""

    num_faces: int
    num_others: int
    nearest: dict[int, float]
    """Percentiles of the distance to the nearest other."""
    at: tuple[AtThreshold, ...]
    nearest_pairs: tuple[tuple[int, int, float], ...]
    """The closest pairs: which face, which other, how far apart."""

    def to_json(self) -> dict[str, Any]:
        """Give the figures in JSON values."""
        return {
            "num_faces": self.num_faces,
            "num_others": self.num_others,
            "nearest_percentiles": {str(key): round(value, 4) for key, value in self.nearest.items()},
            "at": [
                {
                    "false_match_rate": each.false_match_rate,
                    "distance": each.distance,
                    "num_pairs": each.num_pairs,
                    "share_of_pairs": each.share_of_pairs,
                    "num_faces": each.num_faces,
                }
                for each in self.at
            ],
        }


def collect_faces(
    generator: Generator, folder: Path, *, psi: float, count: int, first_seed: int = 1
) -> Iterator[int]:
    """Embed the faces of consecutive seeds, going on where an earlier call stopped.

    Args:
        generator: makes the faces.
        folder: keeps the embeddings; one folder for each model, psi and first seed.
        psi: truncation.
        count: how many faces there shall be in all.
        first_seed: seed of the first.

    Yields:
        How many there are, after each.

    Raises:
        OutputError: the folder cannot be used.
    """
    made = {"model": generator.model.name, "weights": generator.model.origin, "psi": psi}
    collection = Collection(folder, made | {"first_seed": first_seed})
    seeds = range(first_seed + len(collection), first_seed + count)
    return collection.extend(embedding_of(face.pixels) for face in generator.faces(seeds, psi=psi))


def collect_set(made: MadeSet, folder: Path, *, count: int) -> Iterator[int]:
    """Embed the faces of a set, going on where an earlier call stopped.

    Args:
        made: a set of `nobodies bulk`.
        folder: keeps the embeddings, a row a face, in the order of the set.
        count: how many of its faces.

    Yields:
        How many there are, after each.

    Raises:
        InputError: a shard or a picture in it is damaged.
        OutputError: the folder cannot be used.
    """
    collection = Collection(folder, {"set": made.fingerprint})
    start = len(collection)
    pictures = islice(made.pictures(start), max(0, count - start))
    return collection.extend(embedding_of(read_pixels(data)) for _, data in pictures)


def find_adults(generator: Generator, *, psi: float, count: int, first_seed: int = 1) -> NDArray[np.int64] | None:
    """Tell which faces of consecutive seeds do not look like minors. Only those are handed out by chance.

    Args:
        generator: makes the faces.
        psi: truncation.
        count: how many seeds.
        first_seed: seed of the first.

    Returns:
        Their places in the row, ascending; None for a model without attributes.
    """
    try:
        search = Search(generator, Wishes(), FaceSettings(psi=psi), from_seed=first_seed)
    except ModelError:
        return None
    return np.fromiter(search.among(range(first_seed, first_seed + count)), np.int64) - first_seed


def collect_gallery(gallery: Gallery, folder: Path) -> Iterator[int]:
    """Embed the pictures of a gallery, going on where an earlier call stopped; yields as `collect_faces` does."""
    collection = Collection(folder, {"gallery": gallery.fingerprint, "pictures": len(gallery.names)})
    if len(collection) < len(gallery.names):
        yield from collection.extend(gallery.embeddings(len(collection)))


def likeness(rows: Rows, others: Rows | None = None, *, num_shown: int = 12) -> Likeness:
    """Measure how near faces are to one another, or to others.

    Args:
        rows: embeddings, [N, 128]; rows of not-a-number, pictures without a face, are left out.
        others: [M, 128]; the same faces if None.
        num_shown: how many of the nearest pairs to name.

    Raises:
        SettingError: there are too few faces to compare.
    """
    kept = np.flatnonzero(np.isfinite(rows).all(axis=1))
    kept_others = kept if others is None else np.flatnonzero(np.isfinite(others).all(axis=1))
    if len(kept) < 2 or not len(kept_others):
        raise SettingError(f"{len(kept)} faces against {len(kept_others)}: at least two are needed to compare")
    found = compare(rows[kept], None if others is None else others[kept_others])
    return Likeness(
        num_faces=len(kept),
        num_others=len(kept_others),
        nearest={each: float(np.percentile(found.nearest, each)) for each in PERCENTILES},
        at=tuple(_at(found, rate, distance) for rate, distance in sorted(THRESHOLDS.items())),
        nearest_pairs=tuple(
            (int(kept[row]), int(kept_others[other]), float(found.nearest[row]))
            for row, other in _nearest_pairs(found, num_shown, among=others is None)
        ),
    )


def _at(found: Comparison, rate: float, distance: float) -> AtThreshold:
    pairs = found.pairs_within(distance)
    return AtThreshold(rate, distance, pairs, pairs / found.num_pairs, int((found.nearest < distance).sum()))


def _nearest_pairs(found: Comparison, count: int, *, among: bool) -> list[tuple[int, int]]:
    """Give the closest pairs, each once."""
    pairs: dict[tuple[int, int], None] = {}
    for row in np.argsort(found.nearest):
        pair = (int(row), int(found.nearest_index[row]))
        pairs.setdefault((min(pair), max(pair)) if among else pair)
        if len(pairs) == count:
            break
    return list(pairs)
