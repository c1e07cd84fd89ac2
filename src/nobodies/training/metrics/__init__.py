"""How good and how varied made pictures are, each figure with its sample count and confidence interval."""

from nobodies.training.metrics.distances import Estimate, frechet, kid, precision_recall

__all__ = ["Estimate", "frechet", "kid", "precision_recall"]
