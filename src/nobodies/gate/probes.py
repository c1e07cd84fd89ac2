"""Probes that see faults: one row of weights a fault on features of the picture, and a small net on the style code.

They were fitted on labels given by eye (`tools/labels/faults.csv`, `tools/fit_gate.py`) and belong to one generator.
What the net says of a style code was taught by what the probes see in pictures drawn from such codes.
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

FORMAT: Final = "nobodies-faults-2"
WHOLE: Final = ("second_face", "background", "clothes", "debris", "hands", "face")
"""Faults seen in the whole picture: a second or deformed face, a melted background, melted clothes or headgear,
debris as of text, deformed hands, a broken face."""
EYES: Final = ("glasses",)
"""Faults seen around the eyes: glasses that do not match or fade out."""
CODE: Final = ("fault", "glasses", "youth")
"""What is read from the style code: how likely the picture is turned away for what is seen in the whole of it, how
likely for its glasses, and youth, 1 - age / 45."""
_PARTS: Final = {"whole": WHOLE, "eyes": EYES}
_CODE_ARRAYS: Final = ("hidden", "hidden_bias", "out", "out_bias", "along")


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


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What style codes say, [N, 3] each, in the order of `CODE`."""

    refused: NDArray[np.bool_]
    """So surely that nothing need be drawn."""
    doubtful: NDArray[np.bool_]
    """Not so surely otherwise that the picture need not be looked at."""


class FaultProbes:
    """Scores faults. Above 0, a face is turned away."""

    def __init__(self, card: Card, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Join a card and its arrays.

        Args:
            card: what the probes are about.
            arrays: for each of `whole` and `eyes` its weights, [F, D], and as NAME_bias its constants, [F]. For style
                codes the net `code_hidden` [H, W], `code_hidden_bias` [H], `code_out` [3, H], `code_out_bias` [3] and
                `code_along` [3, W], which is added; and `code_refused` and `code_doubt`, [3], scores from which on a
                code is refused, and its picture looked at.

        Raises:
            WeightsError: an array is missing, does not fit or is not finite.
        """
        self.card = card
        self._rows = {part: _rows(arrays, part, len(names)) for part, names in _PARTS.items()}
        self._code = {name: np.array(arrays[f"code_{name}"], np.float32) for name in _CODE_ARRAYS}
        self._limits = {name: np.array(arrays[f"code_{name}"], np.float32) for name in ("refused", "doubt")}
        self._check_code()

    def _check_code(self) -> None:
        hidden, num = self._code["hidden"], len(CODE)
        width, inner = (hidden.shape[1], len(hidden)) if hidden.ndim == 2 else (0, 0)
        shapes = {"hidden_bias": (inner,), "out": (num, inner), "out_bias": (num,), "along": (num, width)}
        fits = all(self._code[name].shape == shape for name, shape in shapes.items())
        if not width or not fits or any(each.shape != (num,) for each in self._limits.values()):
            raise WeightsError(f"probes of 'code' do not fit together: {num} scores of codes are wanted")
        if not all(np.isfinite(each).all() for each in (*self._code.values(), *self._limits.values())):
            raise WeightsError("probes of 'code' hold values that are not finite numbers")

    def code_scores(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """Score style codes [N, W]: [N, 3], in the order of `CODE`.

        Raises:
            ShapeError: the codes are not those that the net was fitted on.
        """
        net = self._code
        if codes.ndim != 2 or codes.shape[1] != net["hidden"].shape[1]:
            raise ShapeError(f"probes of codes take [N, {net['hidden'].shape[1]}], got {list(codes.shape)}")
        w = codes.astype(np.float32)
        inner = np.maximum(_product(w, net["hidden"]) + net["hidden_bias"], 0)
        return _product(inner, net["out"]) + net["out_bias"] + _product(w, net["along"])

    def judge_codes(self, codes: NDArray[Any]) -> Verdicts:
        """Judge style codes [N, W]; raises as `code_scores` does."""
        scores = self.code_scores(codes)
        return Verdicts(scores > self._limits["refused"], scores > self._limits["doubt"])

    def scores(self, part: str, features: NDArray[Any]) -> NDArray[np.float32]:
        """Score features.

        Args:
            part: "whole" for the picture, "eyes" for what is around the eyes.
            features: [N, D].

        Returns:
            [N, F], in the order of `WHOLE` or `EYES`.

        Raises:
            ShapeError: the features are not those that the probes were fitted on.
        """
        weights, bias = self._rows[part]
        if features.ndim != 2 or features.shape[1] != weights.shape[1]:
            raise ShapeError(f"probes of '{part}' take [N, {weights.shape[1]}], got {list(features.shape)}")
        return _product(features.astype(np.float32), weights) + bias

    def to_bytes(self) -> bytes:
        """Write one safetensors file with the card, JSON, in its metadata."""
        arrays: dict[str, NDArray[Any]] = {}
        for part, (weights, bias) in self._rows.items():
            arrays |= {part: weights.astype(np.float16), f"{part}_bias": bias}
        for name, values in (self._code | self._limits).items():
            arrays[f"code_{name}"] = values.astype(np.float16) if name in ("hidden", "out") else values
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


def _product(x: Array, weights: Array) -> Array:
    """Multiply [N, D] by [F, D] to [N, F], without BLAS, whose threads would wait busily beside those that draw."""
    product: Array = np.einsum("nd,fd->nf", x, weights)
    return product


def _rows(arrays: Mapping[str, NDArray[Any]], part: str, num: int) -> tuple[Array, Array]:
    weights, bias = (np.array(arrays[name], np.float32, order="C") for name in (part, f"{part}_bias"))
    if weights.ndim != 2 or weights.shape[0] != num or bias.shape != (num,):
        raise WeightsError(
            f"probes of '{part}' are {list(weights.shape)} and {list(bias.shape)}, not of {num} faults"
        )
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise WeightsError(f"probes of '{part}' hold values that are not finite numbers")
    return weights, bias
