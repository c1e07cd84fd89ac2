"""Measure choosing, editing and projecting faces, as docs/results-latents.md reports them.

    python -m benchmarks.latents choose --faces 200 --state attributes-state --keep seen.jsonl
    python -m benchmarks.latents search
    python -m benchmarks.latents edit --faces 200 --state attributes-state --keep seen.jsonl
    python -m benchmarks.latents project --faces 50 --most-faces 40 --seconds 3600 --method layers --keep seen.jsonl
    python -m benchmarks.latents project --photographs FOLDER --seconds 60

With --state, the folder of the survey that the attributes were fitted on, age, appearance and smile are chosen and
edited by a fit on the word of one net, corrected by it, and judged by the other, which had no part in it. Without,
by the shipped fit and the mean of both. Everything else is judged by the nets that labelled the training faces, on
fresh faces. The fit is kept in that folder, and made anew if it is removed.

With --keep, what was seen of each face is kept in a file, and the same command goes on from it; remove it when the
measured code has changed. With --eyes, choosing writes a sheet of the eyes of each wish, for glasses to be judged by
eye. With --most-faces, projections end after so many faces or steps, whatever else the machine does meanwhile.
"""

import argparse
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.kept import Kept
from nobodies import survey
from nobodies.choosing import Search
from nobodies.errors import InputError, SearchError
from nobodies.files import write_atomic
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet
from nobodies.imaging.decode import read_pixels
from nobodies.labelling import fit_from_survey
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.latents.wishes import Range, Wishes, parse_wishes
from nobodies.projection import Method, align_photograph, project
from nobodies.settings import DEFAULT_MODEL, EngineSettings, FaceSettings, Layout
from nobodies.survey import SECOND_OPINIONS, Look, Survey, load_survey, look
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
FEWEST_IN_GROUP: Final = 10
ALIKE_IN_PSI: Final = 10
"""Faces of nearly the same truncation that each of a group is compared with."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is kept of a look; see `nobodies.survey.Look`."""

    values: Mapping[str, float]
    embedding: NDArray[np.float32]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["choose", "search", "edit", "project"])
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--most-faces", type=int, default=10_000)
    parser.add_argument("--psi", type=float, default=PSI)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--eyes", type=Path)
    parser.add_argument("--edit", type=int, choices=range(len(EDITS)), help="measure this edit only, by its number")
    parser.add_argument("--wish", help="measure choosing for this wish only")
    parser.add_argument("--checked", action="store_true", help="measure edits that are measured and corrected")
    parser.add_argument("--method", choices=get_args(Method), default="measured")
    parser.add_argument("--from-seed", type=int, default=FIRST_FRESH)
    parser.add_argument("--photographs", type=Path)
    arguments = parser.parse_args()
    layout: Layout = "throughput" if arguments.what in ("choose", "edit") else "latency"
    generator = Generator.load(DEFAULT_MODEL, engine=EngineSettings(layout=layout, threads=arguments.threads))
    if arguments.state and arguments.what in ("choose", "edit"):
        generator.__dict__["attributes"] = fitted_on_first(generator, arguments.state)
        survey.look = look_by_first  # what 'checked' looks with
    judge = "second" if arguments.state else "both"
    match arguments.what:
        case "choose":
            wishes = [arguments.wish] if arguments.wish else WISHES
            measure_choosing(generator, judge, wishes, arguments)
        case "search":
            measure_search(generator)
        case "edit":
            edits = EDITS if arguments.edit is None else EDITS[arguments.edit : arguments.edit + 1]
            measure_edits(generator, judge, edits, arguments)
        case "project":
            pictures = (
                photographs(arguments.photographs, arguments.faces)
                if arguments.photographs
                else fresh(generator, arguments.from_seed, arguments.faces)
            )
            measure_projection(generator, pictures, arguments)


def look_by_first(pixels: Pixels, *, features: bool = True) -> Look | None:
    """Look at a face as `nobodies.survey.look`, but where two nets judge, take the word of the first."""
    found = look(pixels, features=features)
    if found is None:
        return None
    return replace(found, values=found.values | {name: found.values[f"{name}.first"] for name in SECOND_OPINIONS})


def judged(values: Mapping[str, float], judge: str) -> dict[str, float]:
    """Give the values of a look, with those that two nets judge by the judge's word."""
    if judge == "both":
        return dict(values)
    return dict(values) | {name: 2 * values[name] - values[f"{name}.first"] for name in SECOND_OPINIONS}


def fitted_on_first(generator: Generator, state: Path) -> AttributeModel:
    """Fit attributes on the word of the first of two nets; once for a survey."""
    surveyed, mixed = load_survey(state), load_survey(state, kind="mixed")
    path = state / f"first-{len(surveyed.seeds)}-{len(mixed.seeds)}.safetensors"
    if not path.exists():
        write_atomic(path, fit_from_survey(surveyed, mixed, generator, opinion="first").to_bytes())
    return AttributeModel.read(path)


def measure_choosing(generator: Generator, judge: str, wishes: Sequence[str], options: argparse.Namespace) -> None:
    """Print how often chosen faces turn out as wished, and how different they are from each other."""
    kept, num_faces, psi = Kept(options.keep), options.faces, options.psi
    free = looks_of(generator, range(FIRST_FRESH, FIRST_FRESH + num_faces), psi, kept)
    free_distance = mean_distance([seen.embedding for seen in free.values()])
    print(f"judge: {judge}; {num_faces} faces a wish, psi {psi}")
    print(f"free sampling: mean identity distance {free_distance:.3f}", flush=True)
    for text in wishes:
        wished = parse_wishes(text)
        seeds, rate = chosen(generator, wished, num_faces, psi, kept)
        found = looks_of(generator, seeds, psi, kept)
        values = [judged(each.values, judge) for each in found.values()]
        diversity = mean_distance([each.embedding for each in found.values()])
        parts = [fulfilled(name, wish, values) for name, wish in wished.items()]
        all_right = np.mean([wished.fits(each) for each in values])
        print(
            f"{text}: {'; '.join(parts)}; all right {all_right:.1%}; "
            f"distance {diversity:.3f}, {diversity / free_distance:.0%}; {rate}",
            flush=True,
        )
        if options.state:
            print(f"  {diversity_of_group(load_survey(options.state), wished)}", flush=True)
        if options.eyes:
            write_eyes(generator, list(found), psi, options.eyes / f"{file_name(text)}.jpg")


def chosen(generator: Generator, wished: Wishes, num_faces: int, psi: float, kept: Kept) -> tuple[list[int], str]:
    """Give the first seeds whose faces should be as wished, and how rare they are."""
    name = f"{generator.attributes.digest} {wished} psi {psi}"
    seeds = list(kept[name]) if name in kept else []
    if len(seeds) < num_faces:
        first = seeds[-1] + 1 if seeds else 0
        search = Search(generator, wished, FaceSettings(psi=psi), from_seed=first, seeds_a_face=1_000_000)
        for seed in search.find(num_faces - len(seeds)):
            seeds.append(seed)
            kept.add(name, seeds)
    seeds = seeds[:num_faces]
    return seeds, f"one in {(seeds[-1] + 1) / num_faces:.0f}"


def diversity_of_group(surveyed: Survey, wished: Wishes) -> str:
    """Say how different surveyed faces that measure as wished are, against as many of the same truncations."""
    names = [name for name, _ in wished.bounds()]
    rows = zip(*(surveyed.values[name] for name in names), strict=True)
    group = np.flatnonzero([wished.fits(dict(zip(names, row, strict=True))) for row in rows])
    if len(group) < FEWEST_IN_GROUP:
        return f"of the surveyed faces only {len(group)} measure so"
    alike = np.abs(surveyed.psi[group, None] - surveyed.psi[None]).argsort(axis=1)[:, :ALIKE_IN_PSI]
    inside = mean_distance(surveyed.embedding[group])
    anybody = mean_distance(surveyed.embedding[np.unique(alike)])
    return f"{len(group)} surveyed faces that measure so: distance {inside:.3f}, {inside / anybody:.0%} of anybody's"


def write_eyes(generator: Generator, seeds: Sequence[int], psi: float, path: Path) -> None:
    """Draw faces again and put their eyes on a sheet."""
    bands = []
    for face in generator.faces(seeds, psi=psi):
        seen = look(face.pixels, features=False)
        bands += [eyes_in(face.pixels, seen)] if seen else []
    contact_sheet(bands, count=len(bands), columns=10, cell_px=128).save(path, quality=90)


def file_name(text: str) -> str:
    """Make a name of a wish."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)


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
    generator: Generator, judge: str, edits: Sequence[tuple[str, float]], options: argparse.Namespace
) -> None:
    """Print how far edits go, what else they move, and how often the person stays the same."""
    kept, num_faces, psi = Kept(options.keep), options.faces, options.psi
    search = Search(generator, parse_wishes("age 30..60"), FaceSettings(psi=psi), from_seed=FIRST_FRESH)
    before = looks_of(generator, list(search.find(num_faces)), psi, kept)
    way = ", checked" if options.checked else ""
    print(f"judge: {judge}; {num_faces} faces of predicted age 30 to 60, psi {psi}{way}")
    spread = {name: fit.spread for name, fit in generator.attributes.card.fits.items()}
    for name, step in edits:
        pairs, clamped = [], []
        for seed, seen in before.items():
            key = f"{generator.attributes.digest} {seed} psi {psi} {name}{step:+g}{way}"
            if key not in kept:
                edited = generator.edit(seed, {name: step}, checked=options.checked, psi=psi)
                face = next(generator.faces_from_w(edited.ws[None]))
                kept.add(key, [bool(edited.clamped), as_json(look(face.pixels, features=False))])
            was_clamped, after = kept[key]
            clamped.append(was_clamped)
            pairs += [(seen, from_json(after))] if after else []
        report_edit(name, step, pairs, judge, spread)
        print(f"  clamped {np.mean(clamped):.1%}", flush=True)


def report_edit(
    name: str, step: float, pairs: Sequence[tuple[Seen, Seen]], judge: str, spread: Mapping[str, float]
) -> None:
    """Print what an edit did to faces, each seen before and after."""
    values = [(judged(before.values, judge), judged(after.values, judge)) for before, after in pairs]
    moved = np.array([after[name] - before[name] for before, after in values])
    distances = np.array([np.linalg.norm(before.embedding - after.embedding) for before, after in pairs])
    others = {
        each: abs(float(np.nanmean([scored(each, b[each]) - scored(each, a[each]) for a, b in values]))) / size
        for each, size in spread.items()
        if each != name
    }
    worst = sorted(others, key=lambda each: -others[each])[:3]
    print(
        f"{name} {step:+g}: moved {np.nanmean(moved):+.2f}, off by {np.nanmean(np.abs(moved - step)):.2f} "
        f"({np.isnan(moved).sum()} of {len(moved)} cannot be told); "
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
    kept = Kept(options.keep)
    first: list[float] = []
    last: list[float] = []
    for name, aligned in pictures:
        key = f"{name} {options.method} {options.most_faces} {options.seconds:g}"
        if key not in kept:
            start = time.process_time()
            found = list(
                project(
                    generator, aligned, limit_s=options.seconds, most_faces=options.most_faces, method=options.method
                )
            )
            spent_s = time.process_time() - start
            kept.add(key, [found[0].distance, found[-1].distance, found[-1].number, spent_s])
        at_first, at_last, number, spent_s = kept[key]
        first.append(at_first)
        last.append(at_last)
        print(
            f"{name}: {at_first:.3f}, then {at_last:.3f} after {number}, {spent_s:.0f} s of processor time",
            flush=True,
        )
    for which, distances in (("first answer", first), (options.method, last)):
        same = np.mean(np.array(distances) < threshold(0.001))
        print(f"{which}: same person {same:.0%} of {len(distances)}, mean distance {np.mean(distances):.3f}")


def looks_of(generator: Generator, seeds: Sequence[int], psi: float, kept: Kept) -> dict[int, Seen]:
    """Draw and look at the faces of seeds; those in which no face is found are left out."""
    missing = [seed for seed in seeds if f"{seed} psi {psi}" not in kept]
    for face in generator.faces(missing, psi=psi):
        kept.add(f"{face.seed} psi {psi}", as_json(look(face.pixels, features=False)))
    seen = {seed: kept[f"{seed} psi {psi}"] for seed in seeds}
    return {seed: from_json(found) for seed, found in seen.items() if found}


def as_json(found: Look | None) -> dict[str, Any] | None:
    """Give what is kept of a look."""
    return {"values": found.values, "embedding": found.embedding.tolist()} if found else None


def from_json(kept: Mapping[str, Any]) -> Seen:
    """Give a look that was kept."""
    return Seen(kept["values"], np.array(kept["embedding"], np.float32))


def mean_distance(embeddings: Sequence[NDArray[np.float32]] | NDArray[np.float32]) -> float:
    """Give the mean identity distance between all pairs."""
    points = np.asarray(embeddings, np.float64)
    squares = np.square(points).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
    return float(distances[np.triu_indices(len(points), 1)].mean())


if __name__ == "__main__":
    main()
