"""Compute the average style code of the default model, which its author did not publish.

`python tools/compute_w_avg.py FOLDER` reads the unpacked wheel of random-face 2021.7.21.1, maps the latent codes of the
first seeds and writes their mean into the package. The mean is shipped, not recomputed by users, so that truncation gives the same
style codes to the bit on every machine.
"""

import sys
from pathlib import Path

import numpy as np

from nobodies.engines import architecture
from nobodies.engines.mapping import MappingNetwork
from nobodies.latents import z_from_seed
from nobodies.models.importers import random_face
from nobodies.settings import DEFAULT_MODEL

NUM_SEEDS = 100_000
TARGET = Path(random_face.__file__).parent / "data" / f"{DEFAULT_MODEL}.w_avg.npy"


def main() -> None:
    """Compute and write the mean."""
    network, tensors = random_face.read(Path(sys.argv[1]))
    mapping = MappingNetwork(architecture.read(network), tensors)
    total = np.zeros(mapping.w_dim, np.float64)
    for seed in range(NUM_SEEDS):
        total += mapping(z_from_seed(seed, mapping.z_dim)[None])[0]
    TARGET.parent.mkdir(exist_ok=True)
    np.save(TARGET, (total / NUM_SEEDS).astype(np.float32))
    print(f"{TARGET.name}: mean of {NUM_SEEDS} style codes, standard deviation over its entries {np.std(total / NUM_SEEDS):.4f}")


if __name__ == "__main__":
    main()
