"""Rebuild the model of looks that `nobodies project` starts from, from a survey.

    nobodies attributes fit --faces 4000 --state attributes-state
    python -m tools.fit_looks attributes-state [--out FILE]

Fits how the look of a face depends on its style code (`nobodies.latents.looks`) on all surveyed faces, writes the
file that the package ships, and prints how much of each part of a look a line explains on faces that were held out.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nobodies.files import write_atomic
from nobodies.generator import Generator
from nobodies.labelling import spread_of
from nobodies.latents.looks import PARTS, LookModel, fit_looks
from nobodies.settings import DEFAULT_MODEL
from nobodies.survey import Survey, load_survey

OUTPUT = Path(__file__).parent.parent / f"src/nobodies/latents/data/{DEFAULT_MODEL}.looks.safetensors"
HELD_OUT = 5


def main() -> None:
    """Fit, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path)
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    survey, generator = load_survey(arguments.state), Generator.load(DEFAULT_MODEL)
    spread, everybody = spread_of(generator), np.ones(len(survey.seeds), bool)
    held_out = np.arange(len(everybody)) % HELD_OUT == 0
    report(fitted(survey, ~held_out, spread, generator), survey, held_out)
    write_atomic(arguments.out, fitted(survey, everybody, spread, generator).to_bytes())
    print(f"{len(everybody)} faces: written to {arguments.out}")


def fitted(survey: Survey, faces: NDArray[np.bool_], spread: NDArray[np.float64], generator: Generator) -> LookModel:
    """Fit looks on some of the faces."""
    w, embedding, mesh, features = (
        each[faces].astype(np.float64) for each in (survey.w, survey.embedding, survey.mesh, survey.features)
    )
    return fit_looks(w, embedding, mesh, features, spread, weights=generator.model.origin)


def report(looks: LookModel, survey: Survey, held_out: NDArray[np.bool_]) -> None:
    """Print how well looks are told from codes."""
    true = looks.look(survey.embedding[held_out], survey.mesh[held_out], survey.features[held_out])
    told = looks.centre + looks.coordinates(survey.w[held_out].astype(np.float64)) @ looks.slopes.T
    first = 0
    for part, size in PARTS.items():
        columns = slice(first, first + size)
        left = (
            np.square(true[:, columns] - told[:, columns]).sum()
            / np.square(true[:, columns] - true[:, columns].mean(0)).sum()
        )
        print(f"{part}: {1 - left:.0%} explained on {held_out.sum()} faces held out")
        first += size


if __name__ == "__main__":
    main()
