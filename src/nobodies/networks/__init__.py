"""StyleGAN2 as torch modules: mapping, synthesis, discriminator, resampling.

Configurations import without torch; the networks bring it with them when they are first named.
"""

from typing import TYPE_CHECKING, Any

from nobodies.networks.config import DiscriminatorConfig, GeneratorConfig

if TYPE_CHECKING:
    from nobodies.networks.discriminator import Discriminator
    from nobodies.networks.generator import Generator

__all__ = ["Discriminator", "DiscriminatorConfig", "Generator", "GeneratorConfig"]


def __getattr__(name: str) -> Any:
    if name == "Generator":
        from nobodies.networks.generator import Generator

        return Generator
    if name == "Discriminator":
        from nobodies.networks.discriminator import Discriminator

        return Discriminator
    raise AttributeError(f"module 'nobodies.networks' has no attribute {name!r}")
