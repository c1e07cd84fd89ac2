"""Keeping a person while a face is changed: the step in w that should undo what an edit did to who it is.

Embeddings of the identity net are nearly linear in w (`nobodies.latents.looks`). So the most plausible step c along
the principal components that undoes a drift d and leaves all attributes alone, the one that minimises |c|² + |J c +
d|² / ρ² with B c = 0, has a closed form.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import ShapeError
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.looks import PARTS, LookModel

Float = NDArray[np.float64]

_NUM_DIMENSIONS: Final = PARTS["embedding"]
_TRUST: Final = 0.07
"""ρ: how well a line tells a number of an embedding; smaller ones make longer steps that help no more."""


def holding_step(looks: LookModel, attributes: AttributeModel, drift: NDArray[np.float32]) -> Float:
    """Find the step that brings a person back.

    Args:
        looks: how looks depend on codes.
        attributes: what is not to move, of the same generator.
        drift: embedding of the face as it is now less that of the face as it was, [128].

    Returns:
        Coordinates along the principal components of `looks`, [C]; its length is that of Mahalanobis.

    Raises:
        ShapeError: the drift is not [128].
    """
    if drift.shape != (_NUM_DIMENSIONS,):
        raise ShapeError(f"a drift has {_NUM_DIMENSIONS} numbers, got {list(drift.shape)}")
    slopes = looks.slopes[:_NUM_DIMENSIONS] / _TRUST
    held = attributes.weights.astype(np.float64) @ looks.components.T
    curvature = slopes.T @ slopes + np.eye(slopes.shape[1])
    solved = np.linalg.solve(curvature, np.column_stack([-slopes.T @ drift / _TRUST, held.T]))
    step, moved = solved[:, 0], solved[:, 1:]
    # Lagrange multipliers; attributes that say the same thing twice have no single solution.
    return np.asarray(step - moved @ (np.linalg.pinv(held @ moved) @ (held @ step)), np.float64)
