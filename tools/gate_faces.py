"""Draw the faces that the quality gate is fitted on, and look at them: `python -m tools.gate_faces FACES`.

FACES is a folder for pictures of 512 px, PSI/SEED.jpg, and for what was seen in them, looked/*.npz. Drawn are the
faces with labels (tools/labels/faults*.csv) and adults without, chosen as the site chooses them, from whom the code
probes learn what the picture probes see. Run it again to go on where it was stopped; all of it takes some ten
minutes on two cores.
"""

import argparse
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.choosing import Search
from nobodies.files import write_atomic
from nobodies.gate.seeing import ENOUGH_PX, EYES_BOX, age_of, features
from nobodies.generator import Face, Generator
from nobodies.latents.wishes import Wishes
from nobodies.settings import EngineSettings, FaceSettings
from tools.label_faces import read_labels

Key = tuple[int, str]
"""Seed and psi."""

LABELS: Final = Path(__file__).parent / "labels"
FAULTS: Final = LABELS / "faults.csv"
GLASSES: Final = LABELS / "faults_glasses.csv"
ADULTS: Final = LABELS / "faults_adults.csv"
"""Not fitted on: what the fitted gate is tried on."""
ANYBODY: Final = {"0.7": range(1, 1001), "1.0": range(1001, 2001)}
"""Seeds of people of any age, some of them with labels."""
TAUGHT: Final = {"0.7": (100_001, 3905), "1.0": (200_001, 1000)}
"""At each psi the first seed to look at, and how many adults without labels."""
EYES_FROM: Final = 0.1
"""Where glasses are less likely than this, judging by the style code, the eyes are not looked at."""
_PART: Final = 200


def wanted(generator: Generator) -> dict[str, list[int]]:
    """Give the seeds that are drawn at each psi, those with labels first."""
    labelled = [key for table in (FAULTS, GLASSES, ADULTS) for key in read_labels(table)]
    seeds = {psi: [seed for seed, its in labelled if its == psi] for psi in TAUGHT}
    for psi, (first, count) in TAUGHT.items():
        seeds[psi] += ANYBODY[psi]
        seeds[psi] += Search(generator, Wishes(), FaceSettings(psi=float(psi)), from_seed=first).find(count)
    return {psi: list(dict.fromkeys(each)) for psi, each in seeds.items()}


def draw(generator: Generator, folder: Path, psi: str, seeds: Sequence[int]) -> None:
    """Draw the faces that are not in the folder yet."""
    (folder / psi).mkdir(parents=True, exist_ok=True)
    missing = [seed for seed in seeds if not (folder / psi / f"{seed}.jpg").exists()]
    for face in generator.faces(missing, psi=float(psi)):
        write_atomic(folder / psi / f"{face.seed}.jpg", _jpeg(face))


def _jpeg(face: Face) -> bytes:
    file = io.BytesIO()
    face.sized(ENOUGH_PX).save(file, "jpeg", quality=95, subsampling=0)
    return file.getvalue()


def look(generator: Generator, folder: Path, psi: str, seeds: Sequence[int]) -> None:
    """Describe the faces that are not described yet, some at a time."""
    (folder / "looked").mkdir(exist_ok=True)
    seen = {seed for part in _parts(folder, psi) for seed in part["seeds"].tolist()}
    left = [seed for seed in seeds if seed not in seen]
    for start in range(0, len(left), _PART):
        part = left[start : start + _PART]
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **described(generator, folder, psi, part))
        write_atomic(folder / "looked" / f"{psi}-{part[0]}-{len(part)}.npz", file.getvalue())


def described(generator: Generator, folder: Path, psi: str, seeds: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Give style codes, [N, W], features of pictures and of eyes, [N, D], and ages, [N], in years."""
    codes = generator.styles_of_seeds(seeds, FaceSettings(psi=float(psi))).mean(1)
    said = generator.attributes.predict(codes)
    worn = np.maximum(said["eyeglasses"], said["sunglasses"]) > EYES_FROM
    images = [Image.open(folder / psi / f"{seed}.jpg").convert("RGB") for seed in seeds]
    whole = np.array([features(image) for image in images], np.float16)
    eyes = np.full_like(whole, np.nan)
    for row in np.flatnonzero(worn):
        eyes[row] = features(images[row], EYES_BOX)
    ages = np.array([age_of(image) for image in images], np.float32)
    return {"seeds": np.array(seeds), "code": codes, "whole": whole, "eyes": eyes, "age": ages}


def read(folder: Path) -> tuple[list[Key], dict[str, NDArray[Any]]]:
    """Give the keys of all faces that were looked at, and what `described` gives for each."""
    keys: list[Key] = []
    parts: list[dict[str, NDArray[Any]]] = []
    for psi in TAUGHT:
        for part in _parts(folder, psi):
            keys += [(seed, psi) for seed in part["seeds"].tolist()]
            parts.append(part)
    return keys, {name: np.concatenate([part[name] for part in parts]) for name in ("code", "whole", "eyes", "age")}


def _parts(folder: Path, psi: str) -> Iterator[dict[str, NDArray[Any]]]:
    for path in sorted((folder / "looked").glob(f"{psi}-*.npz")):
        with np.load(path) as part:
            yield {name: part[name] for name in ("seeds", "code", "whole", "eyes", "age")}


def main() -> None:
    """Draw and look at whatever is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    folder = parser.parse_args().faces
    generator = Generator.load(engine=EngineSettings(layout="throughput"))
    for psi, seeds in wanted(generator).items():
        draw(generator, folder, psi, seeds)
        look(generator, folder, psi, seeds)
        print(f"psi {psi}: {len(seeds)} faces")


if __name__ == "__main__":
    main()
