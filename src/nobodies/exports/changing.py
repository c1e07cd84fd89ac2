"""What the page in the browser can do beside drawing: read the age from a style code, and change what a face is like.

Both are linear in w, so a page needs a direction for each slider, and a small matrix to tell how far a step goes.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.choosing import attributes_of
from nobodies.errors import ModelError
from nobodies.exports.plan import Plan, Reading
from nobodies.latents.attributes import CERTAIN, AttributeModel, logit
from nobodies.latents.edits import LONGEST_STEP, layered_step
from nobodies.latents.words import SCREENED_AGE
from nobodies.models import Model, architectures

AGE: Final = "age"
_SLIDERS: Final = {
    "age": (-30, 30, 1),
    "woman": (-1, 1, 0.1),
    "smile": (-1, 1, 0.1),
    "eyeglasses": (-1, 1, 0.1),
    "beard": (-1, 1, 0.1),
    "yaw": (-25, 25, 1),
}
"""Lowest and highest change of each attribute and the step between: years, degrees, or from sure no to sure yes."""
_DIGITS: Final = 6


def with_changes(plan: Plan) -> Plan:
    """Add the age as an output and a step in w as an input, if attributes of the model are known."""
    attributes = _attributes(plan.model)
    if attributes is None:
        return plan
    row = attributes.index(AGE)
    weights = attributes.weights[row][None]
    offset = float(attributes.intercepts[row] - attributes.weights[row] @ attributes.w_mean)
    return replace(plan, readings={AGE: Reading(weights, offset)}, is_shifted=True)


def describe(model: Model) -> dict[str, Any]:
    """Write what the page needs for its sliders, in JSON values; nothing if no attributes are known.

    A step t changes the score of each slider by its value times `scale`, in the layers of that slider. In each layer
    its Mahalanobis length is √(t P t), with P the matrix `precision` and only those sliders in t that move the layer;
    it may reach `longest` in any. See `nobodies.latents.edits`.
    """
    attributes = _attributes(model)
    if attributes is None:
        return {}
    num_ws = architectures.read(model.description.network).num_ws
    names = [name for name in _SLIDERS if name in attributes.names]
    rows = [attributes.index(name) for name in names]
    moved = {name: attributes.layers_of(name, num_ws) for name in names}
    shares = np.array([attributes.layer_shares(num_ws)[row, moved[attributes.names[row]]].sum() for row in rows])
    precision = np.linalg.inv(attributes.score_covariance)[np.ix_(rows, rows)] / np.outer(shares, shares)
    return {
        "adult_age": SCREENED_AGE,
        "longest": LONGEST_STEP,
        "precision": [_rounded(line) for line in precision],
        "sliders": [_slider(attributes, name, moved[name]) for name in names],
    }


def _slider(attributes: AttributeModel, name: str, moved: NDArray[np.bool_]) -> dict[str, Any]:
    everything = list(range(len(attributes.names)))
    unit = np.eye(len(everything))[attributes.index(name)]
    step, _ = layered_step(attributes, everything, unit, len(moved))
    layers = np.flatnonzero(moved).tolist()
    return {
        "name": name,
        "range": _SLIDERS[name],
        "scale": 2 * logit(CERTAIN) if attributes.attribute(name).kind == "chance" else 1.0,
        "layers": layers,
        "direction": _rounded(step[layers[0]]),
    }


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{each:.{_DIGITS}g}") for each in values]


def _attributes(model: Model) -> AttributeModel | None:
    try:
        return attributes_of(model)
    except ModelError:
        return None
