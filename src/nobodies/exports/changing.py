"""What the page in the browser can do beside drawing: read the age from a style code, and change what a face is like.

Both are linear in w, so a page needs a direction for each slider, and a small matrix to tell how far a step goes.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from nobodies.errors import ModelError
from nobodies.exports.plan import Plan, Reading
from nobodies.latents.attributes import CERTAIN, AttributeModel, logit
from nobodies.latents.edits import LONGEST_STEP, smallest_step
from nobodies.latents.wishes import ADULT_AGE
from nobodies.models import Model

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

    A step t changes the score of each slider by its value times `scale`; its Mahalanobis length is √(t P t), with P
    the matrix `precision`, and may reach `longest`. See `nobodies.latents.edits`.
    """
    attributes = _attributes(model)
    if attributes is None:
        return {}
    names = [name for name in _SLIDERS if name in attributes.names]
    rows = list(range(len(attributes.names)))
    unit = np.eye(len(rows))
    directions = {name: smallest_step(attributes, rows, unit[attributes.index(name)])[0] for name in names}
    chosen = [attributes.index(name) for name in names]
    precision = np.linalg.inv(attributes.score_covariance)[np.ix_(chosen, chosen)]
    return {
        "adult_age": ADULT_AGE,
        "longest": LONGEST_STEP,
        "precision": [[float(f"{each:.{_DIGITS}g}") for each in line] for line in precision],
        "sliders": [
            {
                "name": name,
                "range": _SLIDERS[name],
                "scale": 2 * logit(CERTAIN) if attributes.attribute(name).kind == "chance" else 1.0,
                "direction": [float(f"{each:.{_DIGITS}g}") for each in directions[name]],
            }
            for name in names
        ],
    }


def _attributes(model: Model) -> AttributeModel | None:
    try:
        attributes = AttributeModel.load(model.name)
        attributes.require_model(model.name, model.fingerprint)
    except ModelError:
        return None
    return attributes
