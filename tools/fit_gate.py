"""Fit the probes of the quality gate from labels given by eye, and say what they catch and what they miss.

    python -m tools.fit_gate FACES [--out FILE]

FACES is a folder with the faces as 512 px pictures, 0.7/SEED.jpg and 1.0/SEED.jpg; what is missing is drawn. The
labelled faces are those of tools/labels/faults.csv; further ones, without labels, teach the probes of style codes
what the probes of pictures see in them. Every figure is of faces at random that were held out of the fit (ten folds).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nobodies.files import write_atomic
from nobodies.gate.probes import EYES, WHOLE, Card, FaultProbes, Seen
from nobodies.gate.seeing import EYES_BOX, features
from nobodies.generator import Generator
from nobodies.imaging.decode import read_pixels
from nobodies.settings import DEFAULT_MODEL, EngineSettings, FaceSettings
from nobodies.vision.pictures import resize
from tools.fit_probes import area_under_curve
from tools.label_faces import read_labels

Float = NDArray[np.float64]

LABELS: Final = Path(__file__).parent / "labels" / "faults.csv"
OUTPUT: Final = Path(__file__).parents[1] / "src/nobodies/gate/data" / f"{DEFAULT_MODEL}.safetensors"
DRAWN: Final = {"0.7": range(1, 1001), "1.0": range(1001, 2001)}
"""Seeds that are drawn at each psi."""
AT_RANDOM: Final = {"0.7": range(1, 241), "1.0": range(1001, 1241)}
"""Those of the labelled that nobody chose; the others were, as likely to be faulty."""
FOLDS: Final = 10
PENALTY: Final = {"whole": 1.0, "eyes": 1.0, "code": 1.0}
SOUND_LOST: Final = {"whole": 0.009, "eyes": 0.035, "code": 0.006}
"""Share of sound faces that one probe may turn away."""


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """All faces that are drawn, with what is known of them."""

    keys: list[tuple[int, str]]
    """Seed and psi."""
    labels: dict[tuple[int, str], set[str]]
    """Faults by key; none for a sound face."""
    code: Float
    """[N, W]."""
    whole: Float
    """[N, D]."""
    eyes: Float
    """[N, D]; not-a-number where glasses are unlikely."""

    @property
    def eyes_filled(self) -> Float:
        """`eyes` with the mean of the others where glasses are unlikely."""
        filled: Float = np.where(np.isnan(self.eyes), np.nanmean(self.eyes, axis=0), self.eyes)
        return filled

    def rows(self, keys: "set[tuple[int, str]] | dict[tuple[int, str], Any]") -> NDArray[np.intp]:
        """Give the numbers of the rows of some keys."""
        return np.array([row for row, key in enumerate(self.keys) if key in keys])

    def truth(self, rows: NDArray[np.intp], names: tuple[str, ...]) -> Float:
        """Tell which faults faces have, [N, F] of 0 and 1."""
        return np.array([[name in self.labels[self.keys[row]] for name in names] for row in rows], np.float64)


def draw_missing(generator: Generator, folder: Path) -> None:
    """Draw the faces that are not in the folder yet."""
    for psi, seeds in DRAWN.items():
        (folder / psi).mkdir(parents=True, exist_ok=True)
        missing = [seed for seed in seeds if not (folder / psi / f"{seed}.jpg").exists()]
        for face in generator.faces(missing, psi=float(psi)):
            picture = Image.fromarray(resize(face.pixels, 512, 512))
            part = folder / psi / f"{face.seed}.part"
            picture.save(part, "jpeg", quality=95, subsampling=0)
            part.rename(folder / psi / f"{face.seed}.jpg")


def look(generator: Generator, folder: Path) -> Faces:
    """Describe every face."""
    keys = [(seed, psi) for psi, seeds in DRAWN.items() for seed in seeds]
    codes = [generator.styles_of_seed(seed, FaceSettings(psi=float(psi))).mean(0) for seed, psi in keys]
    said = generator.attributes.predict(np.stack(codes))
    glasses = np.maximum(said["eyeglasses"], said["sunglasses"]) > 0.1
    whole, eyes = [], []
    for (seed, psi), wears in zip(keys, glasses, strict=True):
        pixels = read_pixels(folder / psi / f"{seed}.jpg")
        whole.append(features(pixels))
        eyes.append(features(pixels, EYES_BOX) if wears else np.full_like(whole[-1], np.nan))
    labels = {key: set(label.split("+")) - {"sound"} for key, label in read_labels(LABELS).items()}
    return Faces(keys, labels, *(np.array(each, np.float64) for each in (codes, whole, eyes)))


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """Ridge regression on standardised features, solved by way of the inner products of faces."""

    features: Float
    penalty: float

    def standardised(self) -> tuple[Float, Float, Float]:
        """Give the features, [N, D], their means and deviations, [D]."""
        mean, deviation = self.features.mean(0), self.features.std(0) + 1e-6
        return (self.features - mean) / deviation, mean, deviation

    def products(self) -> Float:
        """Give the inner products of faces, [N, N]."""
        x, _, _ = self.standardised()
        inner: Float = x @ x.T / x.shape[1]
        return inner

    def weights(self, rows: NDArray[np.intp], targets: Float, products: Float) -> tuple[Float, Float]:
        """Fit on some rows; give weights [F, D] and constants [F] for features as they come."""
        x, mean, deviation = self.standardised()
        share = solve(products, rows, targets, self.penalty)
        along = (share.T @ x[rows]) / x.shape[1] / deviation
        return along, targets.mean(0) - along @ mean


def solve(products: Float, rows: NDArray[np.intp], targets: Float, penalty: float) -> Float:
    """Give how much each face of the fit counts, [N, F]."""
    inner = products[np.ix_(rows, rows)] + penalty * np.eye(len(rows))
    solved: Float = np.linalg.solve(inner, targets - targets.mean(0))
    return solved


def predict(products: Float, rows: NDArray[np.intp], targets: Float, penalty: float) -> Float:
    """Fit on some rows and score all of them, [N, F]."""
    scores: Float = products[:, rows] @ solve(products, rows, targets, penalty) + targets.mean(0)
    return scores


def held_out(faces: Faces, products: dict[str, Float]) -> dict[str, Float]:
    """Score each labelled face by probes that have not seen it, [N, F] by part; others stay not-a-number."""
    labelled = faces.rows(faces.labels)
    fold = np.random.default_rng(0).permutation(len(labelled)) % FOLDS
    scores = {part: np.full((len(faces.keys), len(names)), np.nan) for part, names in NAMES.items()}
    for number in range(FOLDS):
        fit, test = labelled[fold != number], labelled[fold == number]
        whole = predict(products["whole"], fit, faces.truth(fit, WHOLE), PENALTY["whole"])
        taught = np.setdiff1d(np.arange(len(faces.keys)), test)
        scores["whole"][test] = whole[test]
        scores["code"][test] = predict(products["code"], taught, whole[taught], PENALTY["code"])[test]
        fit, test = (rows[wearing(faces)[rows]] for rows in (fit, test))
        scores["eyes"][test] = predict(products["eyes"], fit, faces.truth(fit, EYES), PENALTY["eyes"])[test]
    return scores


NAMES: Final = {"code": WHOLE, "whole": WHOLE, "eyes": EYES}


def wearing(faces: Faces) -> NDArray[np.bool_]:
    """Tell whose eyes were looked at."""
    return ~np.isnan(faces.eyes[:, 0])


def fit(faces: Faces, products: dict[str, Float], limits: dict[str, Float]) -> dict[str, NDArray[np.float32]]:
    """Fit the probes on all labelled faces; give the arrays of `FaultProbes`."""
    labelled, everybody = faces.rows(faces.labels), np.arange(len(faces.keys))
    worn = labelled[wearing(faces)[labelled]]
    whole = predict(products["whole"], labelled, faces.truth(labelled, WHOLE), PENALTY["whole"])
    tasks = {
        "whole": (faces.whole, labelled, faces.truth(labelled, WHOLE)),
        "code": (faces.code, everybody, whole),
        "eyes": (faces.eyes_filled, worn, faces.truth(worn, EYES)),
    }
    arrays: dict[str, NDArray[np.float32]] = {}
    for part, (given, rows, targets) in tasks.items():
        weights, constants = Ridge(given, PENALTY[part]).weights(rows, targets, products[part])
        arrays |= {part: weights.astype(np.float32), f"{part}_bias": (constants - limits[part]).astype(np.float32)}
    return arrays


def limits_of(faces: Faces, scores: dict[str, Float]) -> dict[str, Float]:
    """Give the score from which on each probe turns a face away, so that few sound ones are lost."""
    sound = faces.rows({key for key in random_keys() if not faces.labels[key]})
    return {part: np.nanquantile(of[sound], 1 - SOUND_LOST[part] * _worn_share(of[sound]), axis=0)
            for part, of in scores.items()}  # fmt: skip


def _worn_share(scores: Float) -> float:
    """Turn a share of all sound faces into one of those that were looked at."""
    return 1 / max(float((~np.isnan(scores)).mean()), 1e-6)


def random_keys() -> set[tuple[int, str]]:
    """Give the keys of the faces at random."""
    return {(seed, psi) for psi, seeds in AT_RANDOM.items() for seed in seeds}


def report(faces: Faces, scores: dict[str, Float], limits: dict[str, Float]) -> dict[str, Seen]:
    """Print what is caught among faces at random, and give it by fault."""
    over = {part: np.nan_to_num(of, nan=-np.inf) > limits[part] for part, of in scores.items()}
    screened = np.any(over["code"], axis=1)
    refused = np.any(np.column_stack(list(over.values())), axis=1)
    for psi in (*DRAWN, "both"):
        rows = faces.rows({key for key in random_keys() if psi in (key[1], "both")})
        faulty = np.array([bool(faces.labels[faces.keys[row]]) for row in rows])
        away = refused[rows]
        print(
            f"psi {psi}: {faulty.sum()} of {len(rows)} faulty; {away.sum()} turned away ({screened[rows].sum()} of "
            f"them undrawn), {(away & faulty).sum()} rightly: precision {faulty[away].mean():.2f}, recall "
            f"{away[faulty].mean():.2f}; faulty among the others {faulty[~away].mean():.1%}"
        )
    rows = faces.rows(random_keys())
    seen = {}
    for part, names in (("whole", WHOLE), ("eyes", EYES)):
        truth = faces.truth(rows, names)
        for column, name in enumerate(names):
            seen[name] = _seen(truth[:, column], scores, part, column, rows, refused)
            by_code = "" if part == "eyes" else f", by the code alone {_auc(scores['code'], rows, column, truth):.2f}"
            print(f"{name}: {seen[name].num}; AUC {seen[name].auc:.2f}{by_code}; turned away {seen[name].recall:.0%}")
    return seen


def _seen(truth: Float, scores: dict[str, Float], part: str, column: int, rows: NDArray[np.intp],
          refused: NDArray[np.bool_]) -> Seen:  # fmt: skip
    said = np.nan_to_num(scores[part][rows, column], nan=-1.0)
    recall = float(refused[rows][truth == 1].mean())
    return Seen(int(truth.sum()), round(area_under_curve(said, truth), 3), round(recall, 3))


def _auc(scores: Float, rows: NDArray[np.intp], column: int, truth: Float) -> float:
    return area_under_curve(scores[rows, column], truth[:, column])


def main() -> None:
    """Draw what is missing, fit, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    generator = Generator.load(engine=EngineSettings(layout="throughput"))
    draw_missing(generator, arguments.faces)
    faces = look(generator, arguments.faces)
    given = {"code": faces.code, "whole": faces.whole, "eyes": faces.eyes_filled}
    products = {part: Ridge(each, PENALTY[part]).products() for part, each in given.items()}
    scores = held_out(faces, products)
    limits = limits_of(faces, scores)
    seen = report(faces, scores, limits)
    model = generator.model
    card = Card(model.name, model.origin, len(faces.labels), len(random_keys()), seen)
    write_atomic(arguments.out, FaultProbes(card, fit(faces, products, limits)).to_bytes())
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
