"""Probes that see faults: one row of weights a fault, on features of the picture or on the style code.

They were fitted on labels given by eye (`tools/labels/faults.csv`, `tools/fit_gate.py`) and belong to one generator.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import ShapeError, WeightsError
from nobodies.latents.packing import pack, unpack

Array = NDArray[np.float32]

FORMAT: Final = "nobodies-faults-1"
WHOLE: Final = ("second_face", "background", "clothes", "debris", "hands", "face")
"""Faults seen in the whole picture: a second or deformed face, a melted background, melted clothes or headgear,
debris as of text, deformed hands, a broken face."""
EYES: Final = ("glasses",)
"""Faults seen around the eyes: glasses that do not match or fade out."""
_PARTS: Final = {"code": WHOLE, "whole": WHOLE, "eyes": EYES}


@dataclass(frozen=True, slots=True)
class Seen:
    """How well a kind of fault is seen, on faces at random that were held out of the fit."""

    num: int
    """Faces that have the fault."""
    auc: float
    """Area under the ROC curve of its own probe."""
    recall: float
    """Share of the faces with this fault that the gate turns away, by this probe or another."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a set of probes is about."""

    model: str
    """Name of the generator whose faces they look at."""
    weights: str
    """Fingerprint of that generator's weights."""
    num_labelled: int
    num_at_random: int
    """Of the labelled, those chosen at random, on which the figures were measured."""
    seen: Mapping[str, Seen]


class FaultProbes:
    """Scores faults. Above 0, a face is turned away."""

    def __init__(self, card: Card, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Join a card and its arrays.

        Args:
            card: what the probes are about.
            arrays: for each of `code`, `whole` and `eyes` its weights, [F, D], and as NAME_bias its constants, [F].

        Raises:
            WeightsError: an array is missing, does not fit or is not finite.
        """
        self.card = card
        self._rows = {part: _rows(arrays, part, len(names)) for part, names in _PARTS.items()}

    def scores(self, part: str, features: NDArray[Any]) -> NDArray[np.float32]:
        """Score features.

        Args:
            part: "code" for style codes, "whole" for the picture, "eyes" for what is around the eyes.
            features: [N, D].

        Returns:
            [N, F], in the order of `WHOLE` or `EYES`.

        Raises:
            ShapeError: the features are not those that the probes were fitted on.
        """
        weights, bias = self._rows[part]
        if features.ndim != 2 or features.shape[1] != weights.shape[1]:
            raise ShapeError(f"probes of '{part}' take [N, {weights.shape[1]}], got {list(features.shape)}")
        scores: NDArray[np.float32] = features.astype(np.float32) @ weights.T + bias
        return scores

    def to_bytes(self) -> bytes:
        """Write one safetensors file with the card, JSON, in its metadata."""
        arrays: dict[str, NDArray[Any]] = {}
        for part, (weights, bias) in self._rows.items():
            arrays |= {part: weights if part == "code" else weights.astype(np.float16), f"{part}_bias": bias}
        return pack(arrays, format=FORMAT, card=asdict(self.card))

    @classmethod
    def from_bytes(cls, data: bytes) -> "FaultProbes":
        """Read what `to_bytes` wrote.

        Raises:
            WeightsError: it is damaged or something else.
        """
        try:
            arrays, about = unpack(data, format=FORMAT)
            card = about["card"]
            seen = {name: Seen(**each) for name, each in card.pop("seen").items()}
            return cls(Card(seen=seen, **card), arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"the probes of faults are damaged ({error}); reinstall nobodies") from error


@cache
def shipped_probes(model: str, fingerprint: str) -> FaultProbes | None:
    """Give the probes shipped for a generator; None if there are none for it or for these weights of it."""
    file = files("nobodies.gate") / "data" / f"{model}.safetensors"
    if not file.is_file():
        return None
    probes = FaultProbes.from_bytes(file.read_bytes())
    return probes if probes.card.weights == fingerprint else None


def _rows(arrays: Mapping[str, NDArray[Any]], part: str, num: int) -> tuple[Array, Array]:
    weights, bias = (np.array(arrays[name], np.float32, order="C") for name in (part, f"{part}_bias"))
    if weights.ndim != 2 or weights.shape[0] != num or bias.shape != (num,):
        raise WeightsError(
            f"probes of '{part}' are {list(weights.shape)} and {list(bias.shape)}, not of {num} faults"
        )
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise WeightsError(f"probes of '{part}' hold values that are not finite numbers")
    return weights, bias
