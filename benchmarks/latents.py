"""Measure choosing, editing and projecting faces, as docs/results-latents.md reports them.

    python -m benchmarks.latents choose --faces 200 --state attributes-state
    python -m benchmarks.latents search
    python -m benchmarks.latents edit --faces 200 --state attributes-state
    python -m benchmarks.latents project --faces 50 --seconds 60 --method layers
    python -m benchmarks.latents project --photographs FOLDER --seconds 60

With --state, the folder of the survey that the attributes were fitted on, age, appearance and smile are chosen and
edited by a fit on the word of one net, corrected by it, and judged by the other, which had no part in it. Without, by
the shipped fit and the mean of both. Everything else is judged by the nets that labelled the training faces, on fresh
faces. With --eyes, choosing writes a sheet of the eyes of each wish's faces, for glasses to be judged by eye.
"""

import argparse
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies import survey
from nobodies.choosing import Search
from nobodies.errors import InputError, SearchError
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet
from nobodies.imaging.decode import read_pixels
from nobodies.labelling import fit_from_survey
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.latents.wishes import Range, Wishes, parse_wishes
from nobodies.projection import Method, align_photograph, project
from nobodies.settings import DEFAULT_MODEL, EngineSettings, FaceSettings, Layout
from nobodies.survey import SECOND_OPINIONS, Look, load_survey, look
from nobodies.vision.identity import threshold

Pixels = NDArray[np.uint8]

WISHES: Final = (
    "man, age 60..75, not smiling, no glasses",
    "man, age 25..35, beard",
    "woman, age 20..30, smiling, facing front",
    "man, smiling, facing left",
    "woman, age 50..65, no glasses",
    "woman, age 35..45, smiling, eyeglasses",
)
EDITS: Final = (("age", 10.0), ("age", -10.0), ("yaw", 20.0), ("yaw", -20.0), ("smile", 1.0), ("smile", -1.0))
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
    parser.add_argument("--eyes", type=Path)
    parser.add_argument("--edit", type=int, choices=range(len(EDITS)), help="measure this edit only, by its number")
    parser.add_argument("--wish", help="measure choosing for this wish only")
    parser.add_argument("--checked", action="store_true", help="measure edits that are measured and corrected")
    parser.add_argument("--method", choices=get_args(Method), default="measured")
    parser.add_argument("--from-seed", type=int, default=FIRST_FRESH)
    parser.add_argument("--photographs", type=Path)
    arguments = parser.parse_args()
    layout: Layout = "throughput" if arguments.what in ("choose", "edit") else "latency"
    generator = Generator.load(DEFAULT_MODEL, engine=EngineSettings(layout=layout))
    if arguments.state and arguments.what in ("choose", "edit"):
        surveys = load_survey(arguments.state), load_survey(arguments.state, kind="mixed")
        generator.__dict__["attributes"] = fit_from_survey(*surveys, generator, opinion="first")
        survey.measure = measure_by_first  # what 'checked' looks with
    judge = "second" if arguments.state else "both"
    match arguments.what:
        case "choose":
            wishes = [arguments.wish] if arguments.wish else WISHES
            measure_choosing(generator, arguments.faces, judge, wishes, arguments.eyes)
        case "search":
            measure_search(generator)
        case "edit":
            edits = EDITS if arguments.edit is None else EDITS[arguments.edit : arguments.edit + 1]
            measure_edits(generator, arguments.faces, judge, edits, arguments.checked)
        case "project":
            pictures = (
                photographs(arguments.photographs, arguments.faces)
                if arguments.photographs
                else fresh(generator, arguments.from_seed, arguments.faces)
            )
            measure_projection(generator, pictures, arguments)


def measure_by_first(pixels: Pixels) -> dict[str, float] | None:
    """Measure a face as `nobodies.survey.measure`, but where two nets judge, by the word of the first."""
    found = look(pixels, features=False)
    if found is None:
        return None
    return found.values | {name: found.values[f"{name}.first"] for name in SECOND_OPINIONS}


def judged(found: Look, judge: str) -> dict[str, float]:
    """Give the values of a look, with those that two nets judge by the judge's word."""
    if judge == "both":
        return dict(found.values)
    second = {name: 2 * found.values[name] - found.values[f"{name}.first"] for name in SECOND_OPINIONS}
    return found.values | second


def measure_choosing(
    generator: Generator, num_faces: int, judge: str, wishes: Sequence[str], eyes: Path | None
) -> None:
    """Print how often chosen faces turn out as wished, and how different they are from each other."""
    free = [found.embedding for _, found in looks_of(generator, range(FIRST_FRESH, FIRST_FRESH + num_faces))]
    print(f"judge: {judge}; {num_faces} faces a wish, psi {PSI}")
    print(f"free sampling: mean identity distance {mean_distance(free):.3f}", flush=True)
    for text in wishes:
        wished = parse_wishes(text)
        search = Search(generator, wished, FaceSettings(psi=PSI), from_seed=0, seeds_a_face=1_000_000)
        found, bands = [], []
        for pixels, seen in looks_of(generator, list(search.find(num_faces))):
            found.append(seen)
            bands.append(eyes_in(pixels, seen))
        values = [judged(each, judge) for each in found]
        diversity = mean_distance([each.embedding for each in found])
        parts = [fulfilled(name, wish, values) for name, wish in wished.items()]
        all_right = np.mean([wished.fits(each) for each in values])
        print(
            f"{text}: {'; '.join(parts)}; all right {all_right:.1%}; distance {diversity:.3f}; {search.rate()}",
            flush=True,
        )
        if eyes:
            name = "".join(letter if letter.isalnum() else "-" for letter in text)
            contact_sheet(bands, count=len(bands), columns=10, cell_px=128).save(eyes / f"{name}.jpg", quality=90)


def eyes_in(pixels: Pixels, seen: Look) -> Image.Image:
    """Cut out a square around both eyes, with the rims of glasses."""
    points = seen.mesh.reshape(-1, 2)[[33, 263]] * pixels.shape[0]
    (x, y), half = points.mean(0), 0.9 * float(np.linalg.norm(points[0] - points[1]))
    return Image.fromarray(pixels).crop((int(x - half), int(y - half), int(x + half), int(y + half)))


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
    """Time a search for one face, by processor time; infinite if its bound is reached first."""
    start = time.process_time()
    try:
        next(Search(generator, wished, FaceSettings(psi=PSI), from_seed=from_seed).find(1))
    except SearchError:
        return math.inf
    return 1000 * (time.process_time() - start)


def measure_edits(
    generator: Generator, num_faces: int, judge: str, edits: Sequence[tuple[str, float]], checked: bool
) -> None:
    """Print how far edits go, what else they move, and how often the person stays the same."""
    adults = list(
        Search(generator, parse_wishes("age 30..60"), FaceSettings(psi=PSI), from_seed=FIRST_FRESH).find(num_faces)
    )
    before = dict(zip(adults, (found for _, found in looks_of(generator, adults)), strict=True))
    print(f"judge: {judge}; {num_faces} faces of predicted age 30 to 60, psi {PSI}{', checked' if checked else ''}")
    spread = {name: fit.spread for name, fit in generator.attributes.card.fits.items()}
    for name, step in edits:
        edited = [generator.edit(seed, {name: step}, checked=checked, psi=PSI) for seed in adults]
        codes = np.stack([each.ws for each in edited])
        after = [look(face.pixels, features=False) for face in generator.faces_from_w(codes)]
        pairs = [(before[seed], found) for seed, found in zip(adults, after, strict=True) if found is not None]
        report_edit(name, step, pairs, judge, spread)
        print(f"  clamped {np.mean([bool(each.clamped) for each in edited]):.1%}", flush=True)


def report_edit(
    name: str, step: float, pairs: Sequence[tuple[Look, Look]], judge: str, spread: Mapping[str, float]
) -> None:
    """Print what an edit did to faces, each seen before and after."""
    moved = {each: np.array([judged(b, judge)[each] - judged(a, judge)[each] for a, b in pairs]) for each in spread}
    distances = np.array([np.linalg.norm(a.embedding - b.embedding) for a, b in pairs])
    others = {
        each: abs(float(np.nanmean([
            scored(each, judged(b, judge)[each]) - scored(each, judged(a, judge)[each]) for a, b in pairs
        ]))) / spread[each]
        for each in moved if each != name
    }  # fmt: skip
    worst = sorted(others, key=lambda each: -others[each])[:3]
    print(
        f"{name} {step:+g}: moved {moved[name].mean():+.2f}, off by {np.abs(moved[name] - step).mean():.2f}; "
        f"mean distance {distances.mean():.3f}, same person {np.mean(distances < threshold(0.001)):.1%}; "
        f"others moved by {np.mean(list(others.values())):.2f} of their spread, most "
        + ", ".join(f"{each} {others[each]:.2f}" for each in worst),
        flush=True,
    )


def scored(name: str, value: float) -> float:
    """Give a value on the scale where its spread is measured: chances as logits."""
    if ATTRIBUTES[name].kind == "number":
        return value
    soft = min(max(value, 0.02), 0.98)
    return math.log(soft / (1 - soft))


def fresh(generator: Generator, from_seed: int, num_faces: int) -> Iterator[tuple[str, Pixels]]:
    """Draw faces at psi 1 that had no part in any fit; those in which no face is found are left out."""
    found = 0
    for seed in range(from_seed, from_seed + 2 * num_faces):
        try:
            aligned = align_photograph(generator.face(seed, psi=1.0).pixels)
        except InputError:
            continue
        yield f"seed {seed}", aligned
        found += 1
        if found == num_faces:
            return


def photographs(folder: Path, count: int) -> Iterator[tuple[str, Pixels]]:
    """Read and align photographs; those without exactly one face are left out."""
    for path in sorted(each for each in folder.iterdir() if each.suffix in (".png", ".jpg"))[:count]:
        try:
            yield path.stem, align_photograph(read_pixels(path))
        except InputError as error:
            print(f"{path.name}: {error}")


def measure_projection(
    generator: Generator, pictures: Iterator[tuple[str, Pixels]], options: argparse.Namespace
) -> None:
    """Print how often the person of a picture is found again."""
    first: list[float] = []
    last: list[float] = []
    for name, aligned in pictures:
        search = project(
            generator, aligned, limit_s=options.seconds, most_faces=options.most_faces, method=options.method
        )
        found = list(search)
        first.append(found[0].distance)
        last.append(found[-1].distance)
        print(f"{name}: {first[-1]:.3f}, then {last[-1]:.3f} after {found[-1].number}", flush=True)
    for which, distances in (("first answer", first), (options.method, last)):
        same = np.mean(np.array(distances) < threshold(0.001))
        print(f"{which}: same person {same:.0%} of {len(distances)}, mean distance {np.mean(distances):.3f}")


def looks_of(generator: Generator, seeds: Sequence[int]) -> Iterator[tuple[Pixels, Look]]:
    """Draw and look at the faces of seeds; those in which no face is found are left out."""
    for face in generator.faces(seeds, psi=PSI):
        found = look(face.pixels, features=False)
        if found is not None:
            yield face.pixels, found


def mean_distance(embeddings: Sequence[NDArray[np.float32]]) -> float:
    """Give the mean identity distance between all pairs."""
    points = np.stack(embeddings).astype(np.float64)
    squares = np.square(points).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
    return float(distances[np.triu_indices(len(points), 1)].mean())


if __name__ == "__main__":
    main()
