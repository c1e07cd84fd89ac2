"""Fitting the attribute model: regression from style codes to what faces look like, held out and calibrated."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import SettingError
from nobodies.latents.attributes import AttributeModel, Card, Fit, sigmoid
from nobodies.latents.vocabulary import ATTRIBUTES

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

HELD_OUT: Final = 5
"""One face in so many is held out."""
FEWEST_FACES: Final = 100
_PENALTIES: Final = np.logspace(-2, 6, 33)
_LOGISTIC_PENALTIES: Final = np.array([3.0, 10.0, 30.0, 100.0])
_SOFTEST: Final = 0.02
"""Labels of chances are kept so far from 0 and 1, beyond which nets only shout."""
_SURE: Final = {"woman": 0.99, "smile": 0.98}
_USUALLY_SURE: Final = 0.95
"""Share of faces that must have a property among those said to have it surely, for each attribute and for others."""
_FEWEST_SURE: Final = 25
_NEARLY: Final = 0.03
_LEAST_SURE: Final = 0.85
"""However common a property is, a face is not taken to have it on a smaller chance: others may make it rare."""
_LEAST_SURELY_ABSENT: Final = {"eyeglasses": 0.95}
"""Nor to lack it: few people wear glasses, but every other old one does."""
_FLOOR_SHARE: Final = 0.02
_NUM_COMPONENTS: Final = 256
_BELIEVED_DEVIATIONS: Final = 5.0
_DEVIATION_OF_MEDIAN: Final = 1.4826
"""Standard deviation of a normal number whose absolute value has the median 1."""
_LEAST_COARSE_SHARE: Final = 0.35
"""How much the first band must do for an attribute to be moved with it. It makes pose and the shape of the head, by
which a person is known, so it has to be worth it."""
_BAND_EDGES: Final = (0, 4 / 23, 7 / 23, 10 / 23, 13 / 23, 1)
"""Where the bands begin that mixed faces are made of, as shares of the layers: at 16, 32, 64 and 128 px."""


def fit_attributes(
    w: Float,
    labels: Mapping[str, Float],
    spread_w: Float,
    *,
    model: str,
    weights: str,
    labelled_by: Mapping[str, str],
) -> AttributeModel:
    """Fit, calibrate and judge an attribute model.

    Args:
        w: style codes of the labelled faces, [N, W]; truncated as they were drawn.
        labels: by attribute, [N]; NaN where a face could not be labelled. Chances from 0 to 1.
        spread_w: untruncated style codes of any faces, [M, W], for the covariance.
        model: name of the generator.
        weights: fingerprint of its weights.
        labelled_by: by attribute, what labelled it.

    Returns:
        The model fitted on all faces; its card tells how a fit on four fifths of them does on the last fifth.

    Raises:
        SettingError: there are too few faces.
    """
    if len(w) < FEWEST_FACES:
        raise SettingError(f"{len(w)} faces are too few to fit attributes: take {FEWEST_FACES} or more")
    names = [name for name in ATTRIBUTES if name in labels and _varies(name, labels[name])]
    held_out = np.arange(len(w)) % HELD_OUT == HELD_OUT - 1
    w_mean = w.mean(0)
    x = w.astype(np.float64) - w_mean
    rows, offsets, fits, sure = [], [], {}, []
    for name in names:
        known = np.isfinite(labels[name])
        row, offset, _ = _fit_one(name, x[known & ~held_out], labels[name][known & ~held_out])
        fits[name] = _judge(
            name, x[known & held_out] @ row + offset, labels[name][known & held_out], labelled_by.get(name, "")
        )
        row, offset, limits = _fit_one(name, x[known], labels[name][known])
        rows.append(row)
        offsets.append(offset)
        sure.append(limits)
    components, floor = _spread(spread_w)
    arrays = {
        "weights": np.array(rows),
        "intercepts": np.array(offsets),
        "w_mean": w_mean,
        "components": components,
        "floor": np.array(floor),
        "sure_yes": np.array(sure)[:, 0],
        "sure_no": np.array(sure)[:, 1],
    }
    card = Card(
        model=model,
        weights=weights,
        num_faces=len(w),
        num_held_out=int(held_out.sum()),
        fits=fits,
        correlations=_correlations(names, labels, held_out),
    )
    return AttributeModel(card, {name: array.astype(np.float32) for name, array in arrays.items()})


def fit_layers(model: AttributeModel, w: Float, labels: Mapping[str, Float], num_ws: int) -> AttributeModel:
    """Learn how much each layer does for each attribute.

    Args:
        model: attributes fitted on faces that have one code for all layers.
        w: codes of mixed faces, one for each band of layers, [N, B, W]; see `band_edges`.
        labels: by attribute, [N]; as for `fit_attributes`.
        num_ws: number of layers, L.

    Returns:
        The model with `layers` and `moved`.

    Raises:
        SettingError: there are too few faces.
    """
    if len(w) < FEWEST_FACES:
        raise SettingError(f"{len(w)} mixed faces are too few to tell layers apart: take {FEWEST_FACES} or more")
    sizes = np.diff(band_edges(num_ws))
    scores = np.stack([model.scores(w[:, band]) for band in range(len(sizes))], axis=1)
    shares = np.empty((len(model.names), len(sizes)))
    for row, name in enumerate(model.names):
        known = np.isfinite(labels[name])
        along = scores[known, :, row] - scores[known, :, row].mean(0)
        target = _target(name, labels[name][known])
        shares[row] = _shares(along, target - target.mean())
    moved = np.ones_like(shares)
    moved[:, 0] = shares[:, 0] >= _LEAST_COARSE_SHARE
    layered = {"layers": np.repeat(shares / sizes, sizes, axis=1), "moved": np.repeat(moved, sizes, axis=1)}
    return AttributeModel(
        model.card, {**model.arrays, **{name: each.astype(np.float32) for name, each in layered.items()}}
    )


def band_edges(num_ws: int) -> NDArray[np.int_]:
    """Give where each band of layers begins, and the number of layers: [B + 1]."""
    return np.unique(np.round(np.array(_BAND_EDGES) * num_ws).astype(int))


def _shares(along: Float, target: Float) -> Float:
    """Give how much each column does for the target, none of them less than nothing: 1 in all, [B]."""
    left = list(range(along.shape[1]))
    while True:
        curvature = along[:, left].T @ along[:, left] + 1e-6 * len(along) * np.eye(len(left))
        found = np.linalg.solve(curvature, along[:, left].T @ target)
        if (found > 0).all() or len(left) == 1:
            break
        left = [column for column, share in zip(left, found, strict=True) if share > 0] or left[:1]
    shares = np.zeros(along.shape[1])
    shares[left] = np.abs(found) / np.abs(found).sum() if np.abs(found).sum() else 1 / len(left)
    return shares


def ridge(x: Float, y: Float, penalties: Float = _PENALTIES) -> tuple[Float, float, Float]:
    """Fit a line by least squares with the quadratic penalty that predicts left-out faces best.

    Args:
        x: [N, W].
        y: [N].
        penalties: to choose from.

    Returns:
        Weights [W], offset, and for each face its prediction by a fit without it [N].

    Source: the leave-one-out formula of ridge regression, Golub, Heath and Wahba, Technometrics 21 (1979).
    """
    centre_x, centre_y = x.mean(0), y.mean()
    eigenvalues, vectors = np.linalg.eigh((x - centre_x).T @ (x - centre_x))
    turned = (x - centre_x) @ vectors
    along = turned.T @ (y - centre_y)
    best: tuple[float, Float, Float] | None = None
    for penalty in penalties:
        shrunk = 1.0 / (np.maximum(eigenvalues, 0) + penalty)
        leverage = 1.0 / len(x) + (turned**2) @ shrunk
        left_out = y - (y - centre_y - turned @ (shrunk * along)) / np.maximum(1.0 - leverage, 1e-6)
        error = float(np.mean((y - left_out) ** 2))
        if best is None or error < best[0]:
            best = error, vectors @ (shrunk * along), left_out
    assert best is not None, "there is a penalty to choose"
    _, weights, left_out = best
    return weights, float(centre_y - centre_x @ weights), left_out


def logistic(
    x: Float, there: Mask, penalties: Float = _LOGISTIC_PENALTIES, *, num_steps: int = 20
) -> tuple[Float, float, Float]:
    """Fit the logit of a property with the quadratic penalty that predicts left-out faces best.

    Args:
        x: [N, W].
        there: whether the property is there, [N].
        penalties: to choose from, in units of the mean variance of `x`.
        num_steps: of Newton's method, at most.

    Returns:
        As `ridge`.

    Source: the approximation of leaving one out by one step of Newton's method, Cawley and Talbot, "Efficient
    approximate leave-one-out cross-validation for kernel logistic regression", Machine Learning 71 (2008).
    """
    ones = np.column_stack([x, np.ones(len(x))])
    line, best = np.zeros(ones.shape[1]), None
    for penalty in sorted(penalties * x.var(0).mean(), reverse=True):
        line = _newton(ones, there, penalty, line, num_steps)
        left_out = _left_out(ones, there, penalty, line)
        error = log_loss(left_out, there)
        if best is None or error < best[0]:
            best = error, line, left_out
    assert best is not None, "there is a penalty to choose"
    return best[1][:-1], float(best[1][-1]), best[2]


def log_loss(scores: Float, there: Mask) -> float:
    """Give the mean cost in nats of taking scores [N] for the logits of being there [N]."""
    return float(np.logaddexp(0, np.where(there, -scores, scores)).mean())


def _newton(ones: Float, there: Mask, penalty: float, line: Float, num_steps: int) -> Float:
    """Give weights and, last, offset of a logistic regression on [N, W + 1], from a line that is near: [W + 1]."""
    for _ in range(num_steps):
        gradient = ones.T @ (sigmoid(ones @ line) - there) + _penalties(ones, penalty) * line
        step = np.linalg.solve(_curvature(ones, penalty, line), gradient)
        line = line - step
        if np.abs(ones @ step).max() < 1e-4:
            break
    return line


def _left_out(ones: Float, there: Mask, penalty: float, line: Float) -> Float:
    """Give the score of each face by a fit without it, as one step of Newton's method finds it: [N]."""
    scores = ones @ line
    chance = sigmoid(scores)
    leverage = (ones * np.linalg.solve(_curvature(ones, penalty, line), ones.T).T).sum(1)
    room = np.maximum(1 - chance * (1 - chance) * leverage, 1e-6)
    without: Float = scores + (chance - there) * leverage / room
    return without


def _curvature(ones: Float, penalty: float, line: Float) -> Float:
    chance = sigmoid(ones @ line)
    weighted = ones * np.sqrt(chance * (1 - chance))[:, None]
    return np.asarray(weighted.T @ weighted + np.diag(_penalties(ones, penalty)), np.float64)


def _penalties(ones: Float, penalty: float) -> Float:
    """The offset is hardly held back."""
    return np.append(np.full(ones.shape[1] - 1, penalty), 1e-6)


def platt(scores: Float, there: Mask, *, num_steps: int = 50) -> tuple[float, float]:
    """Give slope and offset that turn scores into the logits of being right.

    Args:
        scores: [N].
        there: whether the property is there, [N].
        num_steps: of Newton's method, at most.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999, with his smoothed targets.
    """
    num_yes, num_no = int(there.sum()), int((~there).sum())
    target = np.where(there, (num_yes + 1) / (num_yes + 2), 1 / (num_no + 2))
    x = np.stack([scores, np.ones_like(scores)], 1)
    line = np.array([1.0, 0.0])
    for _ in range(num_steps):
        chance = sigmoid(x @ line)
        gradient = x.T @ (chance - target) + 1e-6 * line
        curvature = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        line -= step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return float(line[0]), float(line[1])


def auc(scores: Float, there: Mask) -> float:
    """Give the share of pairs of a face with the property and one without that the scores put in the right order."""
    values, inverse = np.unique(scores, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(values))
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    num_yes, num_no = int(there.sum()), int((~there).sum())
    return float((rank[there].sum() - num_yes * (num_yes + 1) / 2) / (num_yes * num_no))


def _varies(name: str, labels: Float) -> bool:
    """Tell whether there is anything to learn: enough labels, and for a chance enough of both kinds."""
    known = labels[np.isfinite(labels)]
    if ATTRIBUTES[name].kind == "number":
        return len(known) >= FEWEST_FACES and float(known.std()) > 0
    there = int((known >= 0.5).sum())
    return 2 * HELD_OUT <= there <= len(known) - 2 * HELD_OUT


def _fit_one(name: str, x: Float, label: Float) -> tuple[Float, float, tuple[float, float]]:
    """Fit the row of one attribute: weights, offset, and what is sure."""
    if ATTRIBUTES[name].kind == "number":
        weights, offset, left_out = ridge(x, label)
        # A mesh on the wrong way round, or an age of what is no face: such labels are mistakes, not news.
        off = np.abs(label - left_out - np.median(label - left_out))
        believed = off <= _BELIEVED_DEVIATIONS * _DEVIATION_OF_MEDIAN * float(np.median(off))
        weights, offset, _ = ridge(x[believed], label[believed])
        return weights, offset, (float("nan"), float("nan"))
    there, share = label >= 0.5, _SURE.get(name, _USUALLY_SURE)
    # Where labels are sure of themselves a logistic line is better, where they are not, one through their logits.
    lines = [_calibrated(*line, there) for line in (ridge(x, _target(name, label)), logistic(x, there))]
    weights, offset, left_out = min(lines, key=lambda line: log_loss(line[2], there))
    chance = sigmoid(left_out)
    present = max(_surely(chance, there, share), _LEAST_SURE)
    absent = max(_surely(1 - chance, ~there, share), _LEAST_SURELY_ABSENT.get(name, _LEAST_SURE))
    return weights, offset, (present, 1 - absent)


def _calibrated(weights: Float, offset: float, left_out: Float, there: Mask) -> tuple[Float, float, Float]:
    """Make scores the logits of being right about faces that were left out."""
    slope, shift = platt(left_out, there)
    return slope * weights, slope * offset + shift, slope * left_out + shift


def _target(name: str, label: Float) -> Float:
    if ATTRIBUTES[name].kind == "number":
        return label
    soft = np.clip(label, _SOFTEST, 1 - _SOFTEST)
    logits: Float = np.log(soft / (1 - soft))
    return logits


def _surely(chance: Float, there: Mask, share: float) -> float:
    """Give the smallest chance beyond which the property is there in nearly every face."""
    order = np.argsort(-chance, kind="stable")
    right = np.cumsum(there[order]) / np.arange(1, len(order) + 1)
    usable = np.arange(len(order)) >= _FEWEST_SURE - 1
    # Where it is never that sure, nearly as sure as it gets has to do.
    most = float(right[usable].max(initial=0.0))
    reachable = share if most >= share else most - _NEARLY
    good = np.flatnonzero(usable & (right >= reachable))
    last = good[-1] if len(good) else len(order) - 1
    return float(chance[order[last]])


def _judge(name: str, scores: Float, label: Float, labelled_by: str) -> Fit:
    """Compare scores of held-out faces with their labels."""
    target = _target(name, label)
    if ATTRIBUTES[name].kind == "number":
        return Fit(labelled_by, float(label.mean()), float(label.std()), _r2(scores, target), _mae(scores, label))
    there = label >= 0.5
    both = 0 < there.sum() < len(there)
    return Fit(
        labelled_by,
        mean=float(label.mean()),
        spread=float(scores.std()),
        r2=float(np.corrcoef(scores, target)[0, 1] ** 2),
        mae=_mae(sigmoid(scores), label),
        auc=auc(scores, there) if both else None,
        share=float(there.mean()),
    )


def _r2(predicted: Float, actual: Float) -> float:
    return float(1 - np.mean((predicted - actual) ** 2) / np.var(actual))


def _mae(predicted: Float, actual: Float) -> float:
    return float(np.mean(np.abs(predicted - actual)))


def _spread(w: Float) -> tuple[Float, float]:
    """Give components [C, W] and a floor that make up the covariance of style codes."""
    covariance = np.cov(w.astype(np.float64), rowvar=False)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    leading = slice(-1, -1 - min(_NUM_COMPONENTS, len(eigenvalues)), -1)
    components = (vectors[:, leading] * np.sqrt(np.maximum(eigenvalues[leading], 0))).T
    return components, _FLOOR_SHARE * float(eigenvalues.mean())


def _correlations(names: list[str], labels: Mapping[str, Float], faces: Mask) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for name in names:
        for other in names[names.index(name) + 1 :]:
            both = faces & np.isfinite(labels[name]) & np.isfinite(labels[other])
            a, b = (_target(each, labels[each][both]) for each in (name, other))
            if a.std() > 0 and b.std() > 0:
                table.setdefault(name, {})[other] = round(float(np.corrcoef(a, b)[0, 1]), 3)
    return table
