"""What a model makes by age, appearance and skin as lit, as it is and balanced; and how many minors come through.

    python -m benchmarks.balance --predicted 10000
    python -m benchmarks.balance --drawn 500 --state balance --sheets sheets

The first reads the index of the first seeds and draws nothing; the second draws faces and measures them, and goes on
where it stopped.
Prints tables; asserts nothing.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nobodies.choosing import Search
from nobodies.generator import Generator
from nobodies.imaging import contact_sheet
from nobodies.latents.balance import (
    AGE_EDGES,
    NEEDED,
    NUM_GROUPS,
    SKIN_EDGES,
    Balance,
    group_names,
    group_numbers,
)
from nobodies.latents.wishes import Wishes
from nobodies.provenance import encode_marked
from nobodies.settings import FaceSettings
from nobodies.survey import measure

Values = Mapping[str, NDArray[Any]]

ADULT = 18.0
WAYS = ("as it is", "balanced")


def searches(generator: Generator) -> dict[str, Search]:
    """Give both ways of choosing adults, from the first seed on."""
    settings = FaceSettings()
    return {way: Search(generator, Wishes(), settings, from_seed=1, balanced=way == "balanced") for way in WAYS}


def predicted(generator: Generator, count: int) -> None:
    """Print what is predicted of so many adults of the first seeds, and of all indexed seeds that balance keeps."""
    attributes, index = generator.attributes, generator.seed_index
    assert index is not None, "the default model has an index of its first seeds"
    psi = np.full(len(attributes.names), FaceSettings().psi)
    scores = index.scores(attributes.scores(generator.w_avg[None])[0], psi)
    adults = np.flatnonzero(Wishes().fitting(attributes, scores))
    balance = Balance.measure(attributes, scores[adults])
    kept = adults[balance.keeps(adults.tolist(), scores[adults])]
    tables = {}
    for way, seeds in zip(WAYS, (adults[:count], kept), strict=True):
        read = {name: scores[seeds, attributes.index(name)] for name in NEEDED}
        tables[way] = read | {"woman": attributes.value("woman", read["woman"])}
        print(f"{way}: {len(seeds)} faces among the first {seeds[-1] + 1} seeds")
    show(tables)


def drawn(generator: Generator, count: int, state: Path, sheets: Path | None) -> None:
    """Draw and measure so many faces of each way, and print what they look like."""
    tables = {}
    state.mkdir(parents=True, exist_ok=True)
    for way, search in searches(generator).items():
        seeds = list(search.find(count))
        rows = measured(generator, seeds, state / f"{way.replace(' ', '-')}.jsonl")
        tables[way] = {name: np.array([row[name] for row in rows]) for name in NEEDED}
        minors = int((tables[way]["age"] < ADULT).sum())
        print(f"{way}: {len(rows)} faces measured, {minors} of them as younger than {ADULT:g}")
        if sheets:
            sheet = contact_sheet(
                (face.image for face in generator.faces(seeds[:48])), count=48, columns=12, cell_px=128
            )
            sheets.mkdir(parents=True, exist_ok=True)
            data = encode_marked(sheet, {"sheet_of": seeds[:48], "model": generator.model.name})
            (sheets / f"{way.replace(' ', '-')}.jpg").write_bytes(data)
    show(tables)


def measured(generator: Generator, seeds: Sequence[int], path: Path) -> list[dict[str, float]]:
    """Measure the faces of seeds, or take what was noted of them; faces in which none is found are left out."""
    known = {}
    if path.exists():
        known = {row["seed"]: row["values"] for row in map(json.loads, path.read_text().splitlines())}
    for face in generator.faces(seed for seed in seeds if seed not in known):
        known[face.seed] = measure(face.pixels)
        with path.open("a") as file:
            file.write(json.dumps({"seed": face.seed, "values": known[face.seed]}) + "\n")
    return [known[seed] for seed in seeds if known[seed] is not None]


def show(tables: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
    """Print the shares of each group, and those of age, appearance and skin by themselves."""
    columns = {
        way: group_numbers(values["age"], values["woman"] >= 0.5, values["skin_lightness"])
        for way, values in tables.items()
    }
    counts = {way: np.bincount(numbers, minlength=NUM_GROUPS) for way, numbers in columns.items()}
    cube = {way: each.reshape(len(AGE_EDGES) + 1, 2, len(SKIN_EDGES) + 1) for way, each in counts.items()}
    names = [name.split(", ") for name in group_names()]
    print_rows(counts, (", ".join(name) for name in names))
    for axis, words in ((0, names[::6]), (1, names[:6:3]), (2, names[:3])):
        others = tuple(each for each in range(3) if each != axis)
        print_rows({way: each.sum(axis=others) for way, each in cube.items()}, (word[axis] for word in words))
    for way, each in counts.items():
        shares = each / each.sum()
        entropy = -float((shares[shares > 0] * np.log2(shares[shares > 0])).sum())
        print(f"{way}: {2**entropy:.1f} equally large groups would be as varied, of {NUM_GROUPS}")


def print_rows(counts: Mapping[str, NDArray[Any]], names: Iterable[str]) -> None:
    """Print the share of each group, one a line."""
    print("\n| | " + " | ".join(counts) + " |\n|---|" + "---|" * len(counts))
    for row, name in enumerate(names):
        print(f"| {name} | " + " | ".join(f"{each[row] / each.sum():.1%}" for each in counts.values()) + " |")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predicted", type=int, help="faces whose attributes are read from style codes")
    parser.add_argument("--drawn", type=int, help="faces of each way that are drawn and measured")
    parser.add_argument("--state", type=Path, default=Path("balance"), help="folder that notes what was measured")
    parser.add_argument("--sheets", type=Path, help="folder for a contact sheet of each way")
    arguments = parser.parse_args()
    generator = Generator.load()
    if arguments.predicted:
        predicted(generator, arguments.predicted)
    if arguments.drawn:
        drawn(generator, arguments.drawn, arguments.state, arguments.sheets)


if __name__ == "__main__":
    main()
