"""Directions of change that nobody labelled: from the network's own weights, or from how its style codes spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nobodies.errors import ModelError, ShapeError

Array = NDArray[np.float32]

_AFFINE: Final = ".affine.weight"


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Directions in w, the one with the largest effect first."""

    vectors: Array
    """[K, W]; one step of size 1 along each is one standard deviation of w."""
    shares: Array
    """How much of the whole each explains, [K]."""


def sefa(tensors: Mapping[str, Array], layers: Sequence[str], w: Array, count: int) -> Directions:
    """Find the directions in w that move the scales of the network's channels most.

    Args:
        tensors: weights of the generator; those named LAYER.affine.weight, [C, W], turn w into scales.
        layers: names of the modulated layers to look at.
        w: style codes to measure one standard deviation on, [N, W].
        count: how many directions.

    Returns:
        Eigenvectors of Aᵀ A with A the weights of all layers, each channel's scaled to length 1.

    Raises:
        ModelError: the network has no such layer.

    Source: SeFa, "Closed-form factorization of latent semantics in GANs", arXiv:2007.06600.
    """
    missing = [layer for layer in layers if layer + _AFFINE not in tensors]
    if missing or not layers:
        raise ModelError(
            f"this model has no modulated layer {missing[0] if missing else ''}: SeFa needs their weights"
        )
    rows = np.concatenate([tensors[layer + _AFFINE] for layer in layers]).astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    eigenvalues, vectors = _leading(rows.T @ rows, count)
    spread = np.std((w - w.mean(0)) @ vectors, axis=0)
    return Directions((vectors * spread).T.astype(np.float32), (eigenvalues / len(rows)).astype(np.float32))


def ganspace(w: Array, count: int) -> Directions:
    """Find the directions along which style codes spread most.

    Args:
        w: style codes of many faces, [N, W].
        count: how many directions.

    Raises:
        ShapeError: fewer than two faces.

    Source: GANSpace, arXiv:2004.02546, for w: principal components.
    """
    if w.ndim != 2 or len(w) < 2:
        raise ShapeError(f"w is {list(w.shape)}: principal components take many style codes, [N, W]")
    covariance = np.cov(w.astype(np.float64), rowvar=False)
    eigenvalues, vectors = _leading(covariance, count)
    spread = np.sqrt(np.maximum(eigenvalues, 0))
    return Directions((vectors * spread).T.astype(np.float32), (eigenvalues / covariance.trace()).astype(np.float32))


def _leading(matrix: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the largest eigenvalues [K] of a symmetric matrix and their vectors [W, K], signs fixed."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    eigenvalues, vectors = eigenvalues[::-1][:count], vectors[:, ::-1][:, :count]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0)[None], 0)
    return eigenvalues, vectors * np.sign(largest)
