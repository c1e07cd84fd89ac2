"""Compute the average style code of the default model, which its author did not publish.

`python tools/compute_w_avg.py FOLDER` reads the unpacked wheel of random-face 2021.7.21.1, maps the latent codes of
the first seeds and writes their mean into the package. The mean is shipped, not recomputed by users, so that
truncation gives the same style codes to the bit on every machine.
"""

import sys
from pathlib import Path

import numpy as np

from nobodies.engines.mapping import MappingNetwork
from nobodies.latents import z_from_seed
from nobodies.models.architectures import mobile_stylegan as architecture
from nobodies.models.importers import random_face

NUM_SEEDS = 100_000


def main() -> None:
    """Compute and write the mean."""
    network, tensors = random_face.read(Path(sys.argv[1]))
    mapping = MappingNetwork(architecture.read(network), tensors)
    total = np.zeros(mapping.w_dim, np.float64)
    for seed in range(NUM_SEEDS):
        total += mapping(z_from_seed(seed, mapping.z_dim)[None])[0]
    w_avg = (total / NUM_SEEDS).astype(np.float32)
    np.save(random_face.W_AVG_PATH, w_avg)
    print(f"mean of {NUM_SEEDS} style codes: standard deviation over its entries {w_avg.std():.4f}")


if __name__ == "__main__":
    main()
