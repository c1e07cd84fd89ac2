"""Latent space: seeds to z, truncation, mixing. numpy only."""

from nobodies.latents.seeds import noise_from_seed, parse_seed, parse_seed_ranges, z_from_seed, z_from_seeds
from nobodies.latents.styles import broadcast, conform, truncate

__all__ = [
    "broadcast",
    "conform",
    "noise_from_seed",
    "parse_seed",
    "parse_seed_ranges",
    "truncate",
    "z_from_seed",
    "z_from_seeds",
]
