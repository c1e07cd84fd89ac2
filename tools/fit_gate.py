"""Fit the quality gate from labels given by eye, and say what it catches and what it misses.

    python -m tools.gate_faces FACES
    python -m tools.fit_gate FACES [--out FILE]

FACES is the folder that `tools.gate_faces` fills. Probes of pictures are fitted on the faces with labels
(tools/labels/faults.csv, for glasses faults_glasses.csv too). What they say of all drawn faces teaches a kernel
regression on style codes, and that teaches the small net which is shipped. Figures of the first two tables are of
labelled faces at random that were held out of each fit (ten folds; codes are judged by the regression). The last
are of the finished gate on adults that nothing was fitted on (faults_adults.csv).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.files import write_atomic
from nobodies.gate.probes import EYES, WHOLE, Card, FaultProbes, Seen
from nobodies.generator import Generator
from nobodies.settings import DEFAULT_MODEL, FaceSettings
from tools import gate_faces
from tools.code_net import code_kernel, distilled, targets_of
from tools.fit_probes import area_under_curve
from tools.gate_faces import TAUGHT, Key
from tools.label_faces import read_labels

Float = NDArray[np.float64]

OUTPUT: Final = Path(__file__).parents[1] / "src/nobodies/gate/data" / f"{DEFAULT_MODEL}.safetensors"
AT_RANDOM: Final = {"0.7": range(1, 241), "1.0": range(1001, 1241)}
"""Those of the labelled that nobody chose; the others were, as likely to be faulty."""
FOLDS: Final = 10
PENALTY: Final = 1.0
CODE_PENALTY: Final = 0.3
SOUND_LOST: Final = {"whole": 0.015, "eyes": 0.005}
"""Share of sound faces that one probe may turn away."""
REFUSED: Final = (0.38, 2.0, 1 - 22 / 45)
"""Scores of style codes from which on nothing is drawn: a fault likelier than that, or younger than 22. Glasses alone
never: codes do not tell them well enough."""
DOUBT: Final = (0.03, 0.05, 1 - 30 / 45)
"""Scores from which on the picture, the eyes, or the age are looked at."""
_NAMES: Final = {"whole": WHOLE, "eyes": EYES}


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """All faces that were looked at, with what is known of them."""

    keys: list[Key]
    labels: dict[Key, set[str]]
    """Faults by key; none for a sound face."""
    glasses: dict[Key, bool]
    """Whether the glasses are faulty, of further faces of which nothing else is said."""
    tried: dict[Key, set[str]]
    """Faults of faces that nothing is fitted on."""
    code: Float
    """[N, W]."""
    whole: NDArray[np.float32]
    """[N, D]."""
    eyes: NDArray[np.float32]
    """[N, D]; not-a-number where glasses are unlikely."""
    ages: Float
    """[N], years."""

    def rows(self, keys: "set[Key] | dict[Key, Any]") -> NDArray[np.intp]:
        """Give the numbers of the rows of some keys."""
        return np.array([row for row, key in enumerate(self.keys) if key in keys], np.intp)

    def truth(self, rows: NDArray[np.intp], names: tuple[str, ...]) -> Float:
        """Tell which faults labelled faces have, [N, F] of 0 and 1."""
        known = self.labels | {key: {EYES[0]} if bad else set() for key, bad in self.glasses.items()}
        return np.array([[name in known[self.keys[row]] for name in names] for row in rows], np.float64)

    @property
    def worn(self) -> NDArray[np.bool_]:
        """Whose eyes were looked at."""
        return ~np.isnan(self.eyes[:, 0])

    def examples(self, part: str) -> NDArray[np.intp]:
        """Give the rows that the probes of a part are fitted on."""
        if part == "whole":
            return self.rows(self.labels)
        rows = self.rows(self.labels | self.glasses)
        return rows[self.worn[rows]]


def load(folder: Path) -> Faces:
    """Read what was seen, and the labels."""
    keys, seen = gate_faces.read(folder)
    faults, tried = (
        {key: set(label.split("+")) - {"sound"} for key, label in read_labels(table).items()}
        for table in (gate_faces.FAULTS, gate_faces.ADULTS)
    )
    glasses = {key: label == "glasses" for key, label in read_labels(gate_faces.GLASSES).items()}
    there = set(keys)
    faults, tried = ({key: each[key] for key in each if key in there} for each in (faults, tried))
    glasses = {key: glasses[key] for key in glasses if key in there}
    code, ages = (seen[name].astype(np.float64) for name in ("code", "age"))
    whole, eyes = (seen[part].astype(np.float32) for part in ("whole", "eyes"))
    return Faces(keys, faults, glasses, tried, code, whole, eyes, ages)


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """Ridge regression on standardised features, solved by way of the inner products with the examples."""

    features: NDArray[np.float32]
    """[N, D]."""
    examples: NDArray[np.intp]
    """[E], rows."""
    truth: Float
    """[E, F]."""
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    products: Float
    """Inner products of faces and examples, [N, E]."""

    @classmethod
    def on(cls, features: NDArray[np.float32], examples: NDArray[np.intp], truth: Float) -> "Ridge":
        """Prepare."""
        mean, deviation = features.mean(0), features.std(0) + np.float32(1e-6)
        x = (features - mean) / deviation
        products = (x @ x[examples].T / x.shape[1]).astype(np.float64)
        return cls(features, examples, truth, mean, deviation, products)

    def share(self, used: NDArray[np.bool_]) -> Float:
        """Fit on some examples, [E]; give how much each of these counts, [U, F]."""
        inner = self.products[self.examples[used]][:, used] + PENALTY * np.eye(int(used.sum()))
        solved: Float = np.linalg.solve(inner, self.truth[used] - self.truth[used].mean(0))
        return solved

    def scores(self, used: NDArray[np.bool_]) -> Float:
        """Fit on some examples and score all faces, [N, F]."""
        scores: Float = self.products[:, used] @ self.share(used) + self.truth[used].mean(0)
        return scores

    def weights(self) -> tuple[Float, Float]:
        """Fit on all examples; give weights [F, D] and constants [F] for features as they come."""
        everybody = np.ones(len(self.examples), np.bool_)
        x = (self.features[self.examples] - self.mean) / self.deviation
        along = (self.share(everybody).T @ x) / x.shape[1] / self.deviation
        return along, self.truth.mean(0) - along @ self.mean


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Probes of pictures: what they say of all faces, fitted on everybody and without each fold."""

    ridges: dict[str, Ridge]
    folds: dict[str, NDArray[np.intp]]
    """Of each example."""
    scores: dict[str, Float]
    """By probes fitted on all examples, [N, F]; not-a-number for eyes that were not looked at."""
    without: list[dict[str, Float]]
    """The same without the examples of each fold."""
    held_out: dict[str, Float]
    """Each example by probes that have not seen it; the others stay not-a-number."""


def fit_pictures(faces: Faces) -> Fit:
    """Fit the probes of pictures, with and without each fold."""
    ridges, folds, held_out = {}, {}, {}
    fold_of = np.random.default_rng(0).integers(FOLDS, size=len(faces.keys))
    for part, names in _NAMES.items():
        rows = np.arange(len(faces.keys)) if part == "whole" else np.flatnonzero(faces.worn)
        examples = faces.examples(part)
        features = faces.whole if part == "whole" else faces.eyes[rows]
        ridges[part] = Ridge.on(features, np.searchsorted(rows, examples), faces.truth(examples, names))
        folds[part] = fold_of[examples]
    scores = _everywhere(faces, ridges, {part: np.ones(len(fold), np.bool_) for part, fold in folds.items()})
    without = [_everywhere(faces, ridges, {p: f != number for p, f in folds.items()}) for number in range(FOLDS)]
    for part in _NAMES:
        held_out[part] = np.full_like(scores[part], np.nan)
        for number, scored in enumerate(without):
            rows = faces.examples(part)[folds[part] == number]
            held_out[part][rows] = scored[part][rows]
    return Fit(ridges, folds, scores, without, held_out)


def _everywhere(faces: Faces, ridges: dict[str, Ridge], used: dict[str, NDArray[np.bool_]]) -> dict[str, Float]:
    eyes = np.full((len(faces.keys), len(EYES)), np.nan)
    eyes[faces.worn] = ridges["eyes"].scores(used["eyes"])
    return {"whole": ridges["whole"].scores(used["whole"]), "eyes": eyes}


def limits_of(faces: Faces, held_out: dict[str, Float]) -> dict[str, Float]:
    """Give the score from which on each probe turns a face away, so that few sound ones are lost."""
    sound = faces.rows({key for key in random_keys() & set(faces.labels) if not faces.labels[key]})
    limits = {}
    for part, scores in held_out.items():
        looked_at = ~np.isnan(scores[sound, 0])
        lost = min(1.0, SOUND_LOST[part] / max(looked_at.mean(), 1e-6))
        limits[part] = np.quantile(scores[sound][looked_at], 1 - lost, axis=0)
    return limits


def random_keys() -> set[Key]:
    """Give the keys of the faces at random."""
    return {(seed, psi) for psi, seeds in AT_RANDOM.items() for seed in seeds}


def over(scores: dict[str, Float], limits: dict[str, Float]) -> dict[str, NDArray[np.bool_]]:
    """Tell which faces each part turns away, [N]."""
    return {
        part: np.asarray(np.any(np.nan_to_num(of, nan=-np.inf) > limits[part], axis=1)) for part, of in scores.items()
    }


def judged(faces: Faces, said: Float, scores: dict[str, Float], limits: dict[str, Float]) -> NDArray[np.bool_]:
    """Tell which faces are turned away undrawn, [:, 0], and once drawn, [:, 1], minors left aside.

    Args:
        faces: all.
        said: of style codes, [N, 3].
        scores: of pictures.
        limits: of these.
    """
    undrawn = np.any(said[:, :2] > REFUSED[:2], axis=1)
    parts = over(scores, limits)
    drawn = (parts["whole"] & (said[:, 0] > DOUBT[0])) | (parts["eyes"] & (said[:, 1] > DOUBT[1]))
    return np.column_stack([undrawn, drawn & ~undrawn])


def said_line(name: str, away: NDArray[np.bool_], faulty: NDArray[np.bool_]) -> str:
    """Say how well faces were turned away."""
    gone = np.asarray(np.any(away, axis=1))
    return (
        f"{name}: {faulty.sum()} of {len(faulty)} faulty; {gone.sum()} turned away ({away[:, 0].sum()} of them "
        f"undrawn), {(gone & faulty).sum()} rightly: precision {faulty[gone].mean():.2f}, recall "
        f"{gone[faulty].mean():.2f}; faulty among the others {faulty[~gone].mean():.1%}"
    )


def report(faces: Faces, fit: Fit, said: Float, limits: dict[str, Float]) -> dict[str, Seen]:
    """Print what is caught among labelled faces at random, and give it by fault."""
    away = judged(faces, said, fit.held_out, limits)
    gone = np.asarray(np.any(away, axis=1))
    for psi in (*AT_RANDOM, "both"):
        rows = faces.rows({key for key in random_keys() & set(faces.labels) if psi in (key[1], "both")})
        faulty = np.array([bool(faces.labels[faces.keys[row]]) for row in rows])
        print(said_line(f"psi {psi}", away[rows], faulty))
    rows = faces.rows(random_keys() & set(faces.labels))
    seen = {}
    for part, names in _NAMES.items():
        truth = faces.truth(rows, names)
        for column, name in enumerate(names):
            scores = np.nan_to_num(fit.held_out[part][rows, column], nan=-1.0)
            has = truth[:, column]
            recall = float(gone[rows][has == 1].mean())
            seen[name] = Seen(int(has.sum()), round(area_under_curve(scores, has), 3), round(recall, 3))
            by_code = area_under_curve(said[rows, int(part == "eyes")], has)
            print(f"{name}: {seen[name].num}; AUC {seen[name].auc:.2f}, of the code {by_code:.2f}; away {recall:.0%}")
    return seen


def try_on_adults(faces: Faces, probes: FaultProbes) -> None:
    """Print what the finished gate does with adults that it was not fitted on."""
    code = probes.code_scores(faces.code).astype(np.float64)
    scores = {part: probes.scores(part, getattr(faces, part)).astype(np.float64) for part in _NAMES}
    away = judged(faces, code, scores, {part: np.zeros(len(names)) for part, names in _NAMES.items()})
    rows = faces.rows(faces.tried)
    if len(rows):
        print(said_line("fresh adults", away[rows], np.array([bool(faces.tried[faces.keys[row]]) for row in rows])))
        worn = code[rows, 1] > DOUBT[1]
        print(f"of them {worn.sum()} with glasses likely: {away[rows][worn].any(1).sum()} turned away; of the others "
              f"{away[rows][~worn].any(1).sum()} of {(~worn).sum()}")  # fmt: skip
    first = TAUGHT["0.7"][0]
    rows = np.array([row for row, (seed, psi) in enumerate(faces.keys) if psi == "0.7" and seed >= first], np.intp)
    undrawn, young = away[rows, 0], code[rows, 2] > REFUSED[2]
    drawn, measured = rows[~undrawn & ~young], code[:, 2] > DOUBT[2]
    minor = measured & (faces.ages < 18)
    print(
        f"{len(rows)} adults as the site chooses them: {undrawn.mean():.1%} passed over for faults, "
        f"{(young & ~undrawn).mean():.1%} as too young; of those drawn {away[drawn, 1].mean():.1%} turned away for "
        f"faults, {(minor & ~away[:, 1])[drawn].mean():.1%} as minors; looked at: the whole of "
        f"{(code[drawn, 0] > DOUBT[0]).mean():.0%}, eyes of {(code[drawn, 1] > DOUBT[1]).mean():.0%}, ages of "
        f"{measured[drawn].mean():.0%}"
    )


def main() -> None:
    """Fit, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    generator = Generator.load()
    faces = load(arguments.faces)
    fit = fit_pictures(faces)
    limits = limits_of(faces, fit.held_out)
    taught = np.setdiff1d(np.arange(len(faces.keys)), faces.rows(faces.tried))
    targets = targets_of(faces.ages, fit.scores, limits)
    kernel = code_kernel(faces.code, faces.code[taught])
    inverse = np.linalg.inv(kernel[taught] + np.float32(CODE_PENALTY) * np.eye(len(taught), dtype=np.float32))
    said = _codes_held_out(faces, fit, limits, taught, inverse)
    seen = report(faces, fit, said, limits)
    shares = inverse @ (targets[taught] - targets[taught].mean(0)).astype(np.float32)
    net = distilled(
        lambda codes: code_kernel(codes, faces.code[taught]) @ shares + targets[taught].mean(0).astype(np.float32),
        lambda seeds, psi: generator.styles_of_seeds(seeds, FaceSettings(psi=psi))[:, 0],
        faces.code[taught],
    )
    arrays: dict[str, NDArray[Any]] = {f"code_{name}": values for name, values in net.items()}
    arrays |= {"code_refused": np.array(REFUSED), "code_doubt": np.array(DOUBT)}
    for part, ridge in fit.ridges.items():
        weights, constants = ridge.weights()
        arrays |= {part: weights, f"{part}_bias": constants - limits[part]}
    card = Card(generator.model.name, generator.model.origin, len(faces.labels), len(random_keys()), seen)
    content = FaultProbes(card, arrays).to_bytes()
    try_on_adults(faces, FaultProbes.from_bytes(content))
    write_atomic(arguments.out, content)
    print(f"{arguments.out.name}: {len(content)} bytes, from {len(faces.keys)} faces")


def _codes_held_out(
    faces: Faces, fit: Fit, limits: dict[str, Float], taught: NDArray[np.intp], inverse: NDArray[Any]
) -> Float:
    """Score style codes by regressions that have not seen them, [N, 3].

    Without some rows B, a regression differs from their targets by (A⁻¹ of B, B)⁻¹ (A⁻¹ y of B): all folds from one
    inverse of the kernel A.
    """
    said = np.full((len(faces.keys), 3), np.nan)
    for number, without in enumerate(fit.without):
        rows = faces.examples("whole")[fit.folds["whole"] == number]
        block = np.searchsorted(taught, rows)
        targets = targets_of(faces.ages, without, limits)[taught]
        apart = inverse[block] @ (targets - targets.mean(0)).astype(np.float32)
        within = inverse[np.ix_(block, block)].astype(np.float64)
        said[rows] = targets[block] - np.linalg.solve(within, apart.astype(np.float64))
    return said


if __name__ == "__main__":
    main()
