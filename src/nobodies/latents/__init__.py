"""Latent space: seeds to z, truncation, mixing. numpy only."""
