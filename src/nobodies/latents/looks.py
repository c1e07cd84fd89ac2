"""How the look of a face depends on its style code.

A look is a list of numbers measured in a picture: who it is, where the points of its mesh are, what it shows in
general. Looks are nearly linear in w: look = centre + J c, with c the coordinates of w along its principal
components, which are standard normal numbers. So the most probable code of a look has a closed form.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import ModelError, SettingError, ShapeError, WeightsError
from nobodies.latents.packing import pack, unpack

Float = NDArray[np.float64]

FORMAT: Final = "nobodies-looks-1"
FEWEST_FACES: Final = 500
PARTS: Final = {"embedding": 128, "mesh": 48, "features": 192}
"""Numbers kept of each part of a look; the last two are principal components."""
_WEIGHTS: Final = {"embedding": 2.0, "mesh": 0.5, "features": 0.5}
"""How much each part counts: who it is matters most."""
_BASES: Final = ("mesh_mean", "mesh_basis", "features_mean", "features_basis")
_ARRAYS: Final = ("w_mean", "components", "slopes", "centre", "noise", *_BASES)
_NUM_COMPONENTS: Final = 256
_PENALTY: Final = 150.0
_HELD_OUT: Final = 5


class LookModel:
    """How looks depend on the style codes of one generator."""

    def __init__(self, weights: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take the fitted arrays; most users want `load`.

        Args:
            weights: fingerprint of the generator's weights.
            arrays: `w_mean` [W]; `components` [C, W], one deviation along each principal component; `slopes` [D, C];
                `centre` [D], the look of the mean code; `noise` [D], the deviation that a line leaves unexplained;
                `mesh_mean`, `mesh_basis`, `features_mean` and `features_basis`, which make a look's numbers of them.

        Raises:
            WeightsError: the arrays do not fit together.
        """
        self.weights = weights
        self.arrays = {name: np.array(arrays[name], np.float64, order="C") for name in _ARRAYS}
        self.w_mean, self.components, self.slopes, self.centre, self.noise = (self.arrays[n] for n in _ARRAYS[:5])
        num_numbers, num_components = sum(PARTS.values()), len(self.components)
        if (
            self.components.shape != (num_components, len(self.w_mean))
            or self.slopes.shape != (num_numbers, num_components)
            or self.centre.shape != (num_numbers,)
            or self.noise.shape != (num_numbers,)
            or not all(np.isfinite(array).all() for array in self.arrays.values())
        ):
            raise WeightsError("the model of looks is damaged: run 'nobodies attributes fit' again")

    def look(self, embedding: NDArray[Any], mesh: NDArray[Any], features: NDArray[Any]) -> Float:
        """Put a look together.

        Args:
            embedding: who it is, [..., 128].
            mesh: where its points are, [..., 956].
            features: what the picture shows, [..., 1280].

        Returns:
            [..., D].
        """
        parts = [np.asarray(embedding, np.float64)]
        for name, part in (("mesh", mesh), ("features", features)):
            parts.append((part - self.arrays[f"{name}_mean"]) @ self.arrays[f"{name}_basis"].T)
        return np.concatenate(parts, axis=-1)

    def coordinates(self, w: NDArray[Any]) -> Float:
        """Give codes [..., W] as coordinates [..., C]."""
        along: Float = (w - self.w_mean) @ self.components.T / np.square(self.components).sum(1)
        return along

    def code(self, coordinates: Float) -> Float:
        """Give coordinates [..., C] as codes [..., W]."""
        w: Float = self.w_mean + coordinates @ self.components
        return w

    def most_probable(self, look: Float) -> Float:
        """Give the most probable code [W] of a look [D], without drawing anything.

        Raises:
            ShapeError: the look does not have D numbers.
        """
        if look.shape != self.centre.shape:
            raise ShapeError(f"a look has {len(self.centre)} numbers, got {list(look.shape)}")
        start = np.zeros(len(self.components))
        step = most_probable_step(self.slopes / self.noise[:, None], (look - self.centre) / self.noise, start)
        return self.code(step)

    @classmethod
    def load(cls, model: str, weights: str) -> "LookModel":
        """Give the model of looks shipped for a generator.

        Args:
            model: its name.
            weights: fingerprint of its weights as they came.

        Raises:
            ModelError: none is shipped for it, or one for other weights.
        """
        looks = _shipped(model)
        if looks.weights != weights:
            raise ModelError(f"looks were fitted for other weights of {model}: update nobodies")
        return looks

    def to_bytes(self) -> bytes:
        """Write the model as a safetensors file, in float16."""
        arrays = {name: array.astype(np.float16) for name, array in self.arrays.items()}
        return pack(arrays, format=FORMAT, weights=self.weights)

    @classmethod
    def from_bytes(cls, data: bytes) -> "LookModel":
        """Read a model of looks.

        Raises:
            WeightsError: it is damaged or something else.
        """
        try:
            arrays, about = unpack(data, format=FORMAT)
            return cls(about["weights"], arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"this is no model of looks ({error}): run 'nobodies attributes fit' again") from error


def fit_looks(
    w: Float, embedding: Float, mesh: Float, features: Float, spread_w: Float, *, weights: str
) -> LookModel:
    """Fit how looks depend on codes.

    Args:
        w: style codes of the faces, [N, W].
        embedding: who they are, [N, 128].
        mesh: where their points are, [N, 956].
        features: what their pictures show, [N, 1280].
        spread_w: untruncated codes of any faces, [M, W].
        weights: fingerprint of the generator's weights.

    Raises:
        SettingError: there are too few faces.
    """
    if len(w) < FEWEST_FACES:
        raise SettingError(f"{len(w)} faces are too few to learn looks from: take {FEWEST_FACES} or more")
    arrays: dict[str, Float] = {"w_mean": spread_w.mean(0), "components": _components(spread_w)}
    numbers = [embedding]
    for name, part in (("mesh", mesh), ("features", features)):
        arrays[f"{name}_mean"] = part.mean(0)
        _, _, basis = np.linalg.svd(part - part.mean(0), full_matrices=False)
        arrays[f"{name}_basis"] = basis[: PARTS[name]]
        numbers.append((part - part.mean(0)) @ basis[: PARTS[name]].T)
    looks = np.concatenate(numbers, axis=1)
    along = (w - arrays["w_mean"]) @ arrays["components"].T / np.square(arrays["components"]).sum(1)
    held_out = np.arange(len(w)) % _HELD_OUT == 0
    slopes, centre = _line(along[~held_out], looks[~held_out])
    unexplained = looks[held_out] - centre - along[held_out] @ slopes.T
    counts = np.concatenate([np.full(size, _WEIGHTS[part]) for part, size in PARTS.items()])
    arrays |= {"noise": unexplained.std(0) / counts}
    slopes, centre = _line(along, looks)
    return LookModel(weights, arrays | {"slopes": slopes, "centre": centre})


def most_probable_step(
    slopes: Float, missing: Float, here: Float, *, prior: float = 1.0, damping: float = 0.0
) -> Float:
    """Give the step that comes closest to what is missing and keeps the code probable.

    Args:
        slopes: J, in units of the noise, [D, C].
        missing: what the look lacks, in units of the noise, [D].
        here: coordinates of the code, [C].
        prior: how much it counts that codes are standard normal.
        damping: how much the length of the step counts.

    Returns:
        [C].
    """
    curvature = slopes.T @ slopes + (prior + damping) * np.eye(slopes.shape[1])
    return np.asarray(np.linalg.solve(curvature, slopes.T @ missing - prior * here), np.float64)


def _line(x: Float, y: Float) -> tuple[Float, Float]:
    """Fit y = centre + slopes x with a quadratic penalty: slopes [D, C], centre [D]."""
    mean_x, mean_y = x.mean(0), y.mean(0)
    curvature = (x - mean_x).T @ (x - mean_x) + _PENALTY * np.eye(x.shape[1])
    slopes: Float = np.linalg.solve(curvature, (x - mean_x).T @ (y - mean_y)).T
    return slopes, mean_y - slopes @ mean_x


def _components(w: Float) -> Float:
    eigenvalues, vectors = np.linalg.eigh(np.cov(w, rowvar=False))
    count = min(_NUM_COMPONENTS, len(eigenvalues))
    scaled = vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(eigenvalues[::-1][:count], 1e-12))
    return np.asarray(scaled.T, np.float64)


@cache
def _shipped(model: str) -> LookModel:
    file = files("nobodies.latents") / "data" / f"{model}.looks.safetensors"
    if not file.is_file():
        raise ModelError(f"faces of {model} cannot be looked for: no model of its looks comes with nobodies")
    return LookModel.from_bytes(file.read_bytes())
