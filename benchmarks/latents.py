"""Measure choosing, editing and projecting faces, as docs/results-latents.md reports them.

    python -m benchmarks.latents choose --faces 200 --state attributes-state
    python -m benchmarks.latents search
    python -m benchmarks.latents edit --faces 200 --state attributes-state
    python -m benchmarks.latents project --faces 50 --seconds 60

With --state, the folder of the survey that the attributes were fitted on, age, appearance and smile are chosen and
edited by a fit on the word of one net and judged by the other, which had no part in it. Without, by the shipped fit
and the mean of both. Everything else is judged by the nets that labelled the training faces, on fresh faces.
"""

import argparse
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.choosing import Search
from nobodies.errors import InputError, SearchError
from nobodies.generator import Generator
from nobodies.labelling import fit_from_survey
from nobodies.latents.edits import edit
from nobodies.latents.wishes import Range, Wishes, parse_wishes
from nobodies.projection import align_photograph, project
from nobodies.settings import DEFAULT_MODEL, EngineSettings, FaceSettings, Layout
from nobodies.survey import SECOND_OPINIONS, Look, load_survey, look
from nobodies.vision.identity import threshold

WISHES: Final = (
    "man, age 60..75, not smiling, no glasses",
    "man, age 25..35, beard",
    "woman, age 20..30, smiling, facing front",
    "man, smiling, facing left",
    "woman, age 50..65, no glasses",
    "woman, age 35..45, smiling, eyeglasses",
)
FIRST_FRESH: Final = 10_000_000
PSI: Final = 0.7


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["choose", "search", "edit", "project"])
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--most-faces", type=int, default=10_000)
    parser.add_argument("--state", type=Path)
    arguments = parser.parse_args()
    layout: Layout = "throughput" if arguments.what in ("choose", "edit") else "latency"
    generator = Generator.load(DEFAULT_MODEL, engine=EngineSettings(layout=layout))
    if arguments.state and arguments.what in ("choose", "edit"):
        generator.__dict__["attributes"] = fit_from_survey(load_survey(arguments.state), generator, opinion="first")
    judge = "second" if arguments.state else "both"
    match arguments.what:
        case "choose":
            measure_choosing(generator, arguments.faces, judge)
        case "search":
            measure_search(generator)
        case "edit":
            measure_edits(generator, arguments.faces, judge)
        case "project":
            measure_projection(generator, arguments.faces, arguments.seconds, arguments.most_faces)


def judged(found: Look, judge: str) -> dict[str, float]:
    """Give the values of a look, with those that two nets judge by the judge's word."""
    if judge == "both":
        return dict(found.values)
    second = {name: 2 * found.values[name] - found.values[f"{name}.first"] for name in SECOND_OPINIONS}
    return found.values | second


def measure_choosing(generator: Generator, num_faces: int, judge: str) -> None:
    """Print how often chosen faces turn out as wished, and how different they are from each other."""
    free = [found.embedding for found in looks_of(generator, range(FIRST_FRESH, FIRST_FRESH + num_faces))]
    print(f"judge: {judge}; {num_faces} faces a wish, psi {PSI}")
    print(f"free sampling: mean identity distance {mean_distance(free):.3f}")
    for text in WISHES:
        wished = parse_wishes(text)
        search = Search(generator, wished, FaceSettings(psi=PSI), from_seed=0)
        found = list(looks_of(generator, list(search.find(num_faces))))
        values = [judged(each, judge) for each in found]
        diversity = mean_distance([each.embedding for each in found])
        parts = [fulfilled(name, wish, values) for name, wish in wished.items()]
        all_right = np.mean([wished.fits(each) for each in values])
        print(
            f"{text}: {'; '.join(parts)}; all right {all_right:.0%}; distance {diversity:.3f}; {search.rate()}",
            flush=True,
        )


def fulfilled(name: str, wish: Range | bool, values: Sequence[Mapping[str, float]]) -> str:
    """Say how well a wish was fulfilled."""
    measured = np.array([each[name] for each in values])
    if isinstance(wish, Range):
        beyond = np.maximum(np.maximum(wish.low - measured, measured - wish.high), 0)
        middle = np.abs(measured - (wish.low + wish.high) / 2).mean()
        return f"{name} {measured.mean():.1f}, beyond the range by {beyond.mean():.1f}, from its middle {middle:.1f}"
    return f"{name}={wish} {((measured >= 0.5) == wish).mean():.1%}"


def measure_search(generator: Generator) -> None:
    """Print how long the first candidate takes, over some searches a wish, with the index of seeds and without."""
    assert generator.seed_index is not None, "an index is shipped"
    num_indexed = len(generator.seed_index)
    for text in WISHES:
        places = (("index", 0, num_indexed // 25, 20), ("no index", FIRST_FRESH, 200_000, 5))
        for place, first, step, turns in places:
            times = [first_found_ms(generator, parse_wishes(text), first + step * turn) for turn in range(turns)]
            print(f"{text}: {place}: median {np.median(times):.1f} ms, worst {max(times):.1f} ms", flush=True)


def first_found_ms(generator: Generator, wished: Wishes, from_seed: int) -> float:
    """Time a search for one face; infinite if its bound is reached first."""
    start = time.perf_counter()
    try:
        next(Search(generator, wished, FaceSettings(psi=PSI), from_seed=from_seed).find(1))
    except SearchError:
        return math.inf
    return 1000 * (time.perf_counter() - start)


def measure_edits(generator: Generator, num_faces: int, judge: str) -> None:
    """Print how far edits go, what else they move, and how often the person stays the same."""
    adults = list(
        Search(generator, parse_wishes("age 30..60"), FaceSettings(psi=PSI), from_seed=FIRST_FRESH).find(num_faces)
    )
    before = dict(zip(adults, looks_of(generator, adults), strict=True))
    print(f"judge: {judge}; {num_faces} faces of predicted age 30 to 60, psi {PSI}")
    spread = {
        name: np.nanstd([judged(each, judge)[name] for each in before.values()])
        for name in generator.attributes.names
    }
    for name, step in (("age", 10.0), ("age", -10.0), ("yaw", 20.0), ("yaw", -20.0), ("smile", 1.0), ("smile", -1.0)):
        edits = [edit(generator.attributes, generator.w(seed, psi=PSI), {name: step}) for seed in adults]
        after = [
            look(face.pixels, features=False)
            for face in generator.faces_from_w(np.stack([each.ws for each in edits]))
        ]
        pairs = [(before[seed], found) for seed, found in zip(adults, after, strict=True) if found is not None]
        moved = {
            n: np.array([judged(b, judge)[n] - judged(a, judge)[n] for a, b in pairs])
            for n in generator.attributes.names
        }
        same = np.mean([np.linalg.norm(a.embedding - b.embedding) < threshold(0.001) for a, b in pairs])
        others = {n: abs(np.nanmean(moved[n])) / spread[n] for n in moved if n != name}
        worst = max(others, key=lambda n: others[n])
        print(
            f"{name} {step:+g}: moved {moved[name].mean():+.2f}, off by {np.abs(moved[name] - step).mean():.2f}; "
            f"same person {same:.1%}; clamped {np.mean([bool(each.clamped) for each in edits]):.0%}; "
            f"others moved by {np.mean(list(others.values())):.2f} of their spread, most {worst} {others[worst]:.2f}",
            flush=True,
        )


def measure_projection(generator: Generator, num_faces: int, limit_s: float, most_faces: int) -> None:
    """Print how often fresh faces at psi 1 are found again."""
    first: list[float] = []
    last: list[float] = []
    for seed in range(FIRST_FRESH, FIRST_FRESH + 2 * num_faces):
        if len(last) == num_faces:
            break
        try:
            aligned = align_photograph(generator.face(seed, psi=1.0).pixels)
        except InputError:
            continue
        found = list(project(generator, aligned, limit_s=limit_s, most_faces=most_faces))
        first.append(found[0].distance)
        last.append(found[-1].distance)
        print(f"seed {seed}: {first[-1]:.3f}, then {last[-1]:.3f} after {found[-1].number} faces", flush=True)
    for name, distances in (("first answer", first), ("refined", last)):
        same = np.mean(np.array(distances) < threshold(0.001))
        print(f"{name}: same person {same:.0%} of {len(distances)}, mean distance {np.mean(distances):.3f}")


def looks_of(generator: Generator, seeds: Sequence[int]) -> Iterator[Look]:
    """Draw and look at the faces of seeds; those in which no face is found are left out."""
    for face in generator.faces(seeds, psi=PSI):
        found = look(face.pixels, features=False)
        if found is not None:
            yield found


def mean_distance(embeddings: Sequence[NDArray[np.float32]]) -> float:
    """Give the mean identity distance between all pairs."""
    points = np.stack(embeddings).astype(np.float64)
    squares = np.square(points).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
    return float(distances[np.triu_indices(len(points), 1)].mean())


if __name__ == "__main__":
    main()
