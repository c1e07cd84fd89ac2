"""Adaptive discriminator augmentation: transforms that do not leak into what the generator makes.

Source: arXiv:2006.06676, section 3 and appendix B.
"""

from nobodies.training.augment.adaptive import AdaptiveStrength
from nobodies.training.augment.pipeline import AugmentPipeline

__all__ = ["AdaptiveStrength", "AugmentPipeline"]
