"""Reading attributes straight from style codes, before anything is drawn.

A face's attributes are nearly linear in w, so one row of weights an attribute predicts them: a number such as the age
in its own unit, and a chance such as that of a smile as a logit. The model carries what edits need too: the
covariance of w, in whose measure a short step stays among the faces that the generator knows.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import ModelError, SettingError, ShapeError, WeightsError
from nobodies.latents.packing import pack, unpack
from nobodies.latents.vocabulary import ATTRIBUTES, Attribute

Array = NDArray[np.float32]

FORMAT: Final = "nobodies-attributes-1"
_MOST_BYTES: Final = 64 << 20
_ARRAYS: Final = ("weights", "intercepts", "w_mean", "components", "floor", "sure_yes", "sure_no")


@dataclass(frozen=True, slots=True)
class Fit:
    """How well one attribute is read from w, measured on faces that were held out of the fit."""

    labelled_by: str
    """What said how the training faces look."""
    mean: float
    spread: float
    """Standard deviation of the attribute over held-out faces; of the logit for a chance."""
    r2: float
    """Share of the variance that is explained; of the logit for a chance."""
    mae: float
    """Mean absolute error, in the attribute's unit."""
    auc: float | None = None
    """Area under the ROC curve; for a chance."""
    share: float | None = None
    """Share of faces that have the property; for a chance."""


@dataclass(frozen=True, slots=True)
class Card:
    """What an attribute model is about."""

    model: str
    """Name of the generator whose style codes it reads."""
    weights: str
    """Fingerprint of that generator's weights."""
    num_faces: int
    """Faces it was fitted on."""
    num_held_out: int
    """Of these, faces that it was judged on, by a fit on the others alone."""
    fits: Mapping[str, Fit]
    correlations: Mapping[str, Mapping[str, float]]
    """Between the labels of held-out faces."""


class AttributeModel:
    """Predicts attributes from style codes of one generator."""

    def __init__(self, card: Card, arrays: Mapping[str, Array]) -> None:
        """Join a card and its arrays; most users want `load`.

        Args:
            card: names the K attributes, in the order of the rows.
            arrays: `weights` [K, W] and `intercepts` [K] of the scores at `w_mean` [W]; `components` [C, W] and
                `floor` [], which make the covariance componentsᵀ components + floor I; `sure_yes` and `sure_no` [K],
                chances beyond which a property is there, or is not, in nearly every face (NaN for numbers); and, if
                it was measured, `layers` [K, L], how much each layer does for each attribute, 1 in all, and `moved`
                [K, L], 1 for the layers that an edit of the attribute moves and 0 for the others.

        Raises:
            WeightsError: the arrays do not fit together, or hold values that are not finite.
        """
        self.card = card
        self.names: tuple[str, ...] = tuple(card.fits)
        self.arrays = {name: np.array(arrays[name], np.float32, order="C") for name in _ARRAYS}
        self.weights, self.intercepts, self.w_mean = (self.arrays[name] for name in _ARRAYS[:3])
        layered = "layers" in arrays and "moved" in arrays
        self.layers = np.array(arrays["layers"], np.float32) if layered else None
        self.moved = np.array(arrays["moved"], np.float32) if layered else None
        self._check()
        # Whatever is needed of the covariance S for steps among the attributes: S Bᵀ and B S Bᵀ.
        components, floor = (self.arrays[name].astype(np.float64) for name in ("components", "floor"))
        rows = self.weights.astype(np.float64)
        self.spread_along = components.T @ (components @ rows.T) + floor * rows.T
        """S Bᵀ, [W, K]: how w changes with each score."""
        self.score_covariance = rows @ self.spread_along
        """B S Bᵀ, [K, K]: covariance of the scores."""

    def _check(self) -> None:
        num, width = len(self.names), self.w_mean.shape[-1] if self.w_mean.ndim else 0
        shapes = {"weights": (num, width), "intercepts": (num,), "w_mean": (width,), "floor": (), "sure_yes": (num,)}
        for name, shape in (shapes | {"sure_no": (num,)}).items():
            if self.arrays[name].shape != shape:
                raise WeightsError(f"attribute model: '{name}' is {list(self.arrays[name].shape)}, not {list(shape)}")
        if self.arrays["components"].ndim != 2 or self.arrays["components"].shape[1] != width:
            raise WeightsError(f"attribute model: 'components' is not [C, {width}]")
        if self.layers is not None and self.moved is not None:
            shaped = self.layers.ndim == 2 and len(self.layers) == num and self.moved.shape == self.layers.shape
            if not shaped or not np.allclose(self.layers.sum(1), 1, atol=1e-3):
                raise WeightsError("attribute model: 'layers' and 'moved' are not [K, L] with shares that make 1")
            if not ((self.layers * self.moved).sum(1) > 0).all():
                raise WeightsError("attribute model: an attribute lies in layers that no edit moves")
        if not all(np.isfinite(self.arrays[name]).all() for name in _ARRAYS[:5]):
            raise WeightsError("attribute model: it holds values that are not finite numbers")

    @classmethod
    def load(cls, model: str) -> "AttributeModel":
        """Give the attribute model shipped for a generator.

        Args:
            model: name of the generator.

        Raises:
            ModelError: none is shipped for it.
        """
        return _shipped(model)

    @classmethod
    def read(cls, path: Path) -> "AttributeModel":
        """Read an attribute model from a file that `write` made.

        Raises:
            WeightsError: there is no such file, it is damaged, too large or something else.
        """
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise WeightsError(f"{path} is over {_MOST_BYTES} bytes: it is no attribute model")
            return cls.from_bytes(path.read_bytes())
        except OSError as error:
            raise WeightsError(f"cannot read {path}: {error.strerror}; try 'nobodies attributes fit'") from error

    @classmethod
    def from_bytes(cls, data: bytes) -> "AttributeModel":
        """Read an attribute model; see `to_bytes`.

        Raises:
            WeightsError: it is damaged or something else.
        """
        try:
            arrays, about = unpack(data, format=FORMAT)
            return cls(_card(about["card"]), arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f"this is no attribute model ({error}): make one with 'nobodies attributes fit'"
            ) from error

    def to_bytes(self) -> bytes:
        """Write the model as one safetensors file with the card, JSON, in its metadata."""
        arrays: dict[str, NDArray[Any]] = dict(self.arrays)
        arrays["components"] = arrays["components"].astype(np.float16)
        if self.layers is not None and self.moved is not None:
            arrays |= {"layers": self.layers, "moved": self.moved}
        return pack(arrays, format=FORMAT, card=asdict(self.card))

    @cached_property
    def digest(self) -> str:
        """What tells these scores from those of any other attribute model."""
        told_apart = b"".join(self.arrays[name].tobytes() for name in ("weights", "intercepts", "w_mean"))
        return hashlib.blake2b(told_apart, digest_size=16).hexdigest()

    def require_model(self, name: str, fingerprint: str) -> None:
        """Make sure that these attributes were fitted for a generator.

        Raises:
            ModelError: they were fitted for another one, or for other weights of the same name.
        """
        if self.card.weights != fingerprint:
            raise ModelError(
                f"these attributes were fitted for {self.card.model} with weights {self.card.weights[:12]}, not for "
                f"{name} with {fingerprint[:12]}: run 'nobodies attributes fit --model {name}'"
            )

    def index(self, name: str) -> int:
        """Give the row of an attribute.

        Raises:
            SettingError: this model has no such attribute.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise SettingError(f"no attribute is called '{name}': there are {', '.join(self.names)}") from None

    def attribute(self, name: str) -> Attribute:
        """Describe an attribute of this model; raises as `index` does."""
        self.index(name)
        return ATTRIBUTES[name]

    def scores(self, w: NDArray[Any]) -> NDArray[np.float64]:
        """Read the attributes as numbers that are linear in w: values of numbers, logits of chances.

        Args:
            w: style codes, [N, W]; or [N, L, W], of which each layer counts as much as it does for an attribute.

        Returns:
            [N, K], in the order of `names`.

        Raises:
            ShapeError: `w` is neither.
        """
        codes = np.asarray(w)
        if codes.ndim not in (2, 3) or codes.shape[-1] != len(self.w_mean):
            raise ShapeError(f"w is {list(np.shape(w))}: attributes are read from [N, {len(self.w_mean)}]")
        along: NDArray[np.float64] = (codes - self.w_mean).astype(np.float64) @ self.weights.T
        if codes.ndim == 3:
            along = np.einsum("nlk,kl->nk", along, self.layer_shares(codes.shape[1]))
        return along + self.intercepts

    def layer_shares(self, num_ws: int) -> NDArray[np.float64]:
        """Give how much each layer does for each attribute, [K, L]; all alike if it was not measured.

        Raises:
            ShapeError: it was measured for another number of layers.
        """
        if self.layers is None:
            return np.full((len(self.names), num_ws), 1 / num_ws)
        if self.layers.shape[1] != num_ws:
            raise ShapeError(f"w has {num_ws} layers: these attributes are of {self.layers.shape[1]}")
        return self.layers.astype(np.float64)

    def layers_of(self, name: str, num_ws: int) -> NDArray[np.bool_]:
        """Tell which layers an edit of an attribute moves, [L]."""
        return np.ones(num_ws, np.bool_) if self.moved is None else self.moved[self.index(name)] > 0

    def predict(self, w: NDArray[Any]) -> dict[str, Array]:
        """Read the attributes from style codes; arguments as for `scores`.

        Returns:
            By name, [N]: numbers in their unit, chances from 0 to 1.
        """
        return self.values(self.scores(w))

    def values(self, scores: NDArray[np.float64]) -> dict[str, Array]:
        """Turn scores [N, K] into values by name, [N]; see `predict`."""
        values = {name: self.value(name, scores[:, row]).astype(np.float32) for row, name in enumerate(self.names)}
        if "eyeglasses" in values and "sunglasses" in values:
            # The score of clear glasses is one among faces without dark ones.
            values["eyeglasses"] = values["eyeglasses"] * (1 - values["sunglasses"])
        return values

    def value(self, name: str, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn scores of an attribute into its values."""
        return sigmoid(score) if ATTRIBUTES[name].kind == "chance" else score

    def score(self, name: str, value: float) -> float:
        """Turn a value of an attribute into its score. A chance is kept away from 0 and 1, which no face reaches."""
        return logit(value) if ATTRIBUTES[name].kind == "chance" else value


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits into chances."""
    chances: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * x))
    return chances


CERTAIN: Final = 0.97
"""The chance that counts as certain; edits do not push further."""


def logit(chance: float, *, certain: float = CERTAIN) -> float:
    """Turn a chance into a logit, within what counts as certain."""
    within = min(max(chance, 1 - certain), certain)
    return float(np.log(within / (1 - within)))


@cache
def _shipped(model: str) -> AttributeModel:
    file = files("nobodies.latents") / "data" / f"{model}.safetensors"
    if not file.is_file():
        raise ModelError(f"no attributes are known for {model}: run 'nobodies attributes fit --model {model}' first")
    return AttributeModel.from_bytes(file.read_bytes())


def _card(content: dict[str, Any]) -> Card:
    fits = {name: Fit(**fit) for name, fit in content.pop("fits").items()}
    if unknown := fits.keys() - ATTRIBUTES.keys():
        raise ValueError(f"unknown attributes {', '.join(sorted(unknown))}")
    return Card(fits=fits, **content)
