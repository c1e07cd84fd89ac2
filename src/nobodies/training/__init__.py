"""StyleGAN2 training: configuration, data, losses, augmentation, one step, the loop, checkpoints, metrics."""

from nobodies.training.config import TrainingConfig, TrainingSettings
from nobodies.training.presets import PRESETS, Preset, find_preset

__all__ = ["PRESETS", "Preset", "TrainingConfig", "TrainingSettings", "find_preset"]
