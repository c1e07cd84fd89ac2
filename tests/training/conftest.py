"""A tiny run: eight-pixel networks and a handful of drawn pictures."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nobodies.training.config import TrainingConfig
from nobodies.training.dataset import PictureDataset

# Tensors here are so small that threads wait for one another longer than they work.
torch.set_num_threads(1)

NETWORK = {"resolution": 8, "channel_base": 64, "channel_max": 8}


def tiny_config(*, c_dim: int = 0, img_channels: int = 3, **training: Any) -> TrainingConfig:
    network = {**NETWORK, "c_dim": c_dim, "img_channels": img_channels}
    settings = {"total_kimg": 0.064, "batch": 8, "chunk": 4, "snapshot_kimg": 0.016, "compute": "f32", **training}
    return TrainingConfig.from_dict(
        {
            "generator": {**network, "z_dim": 8, "w_dim": 8, "mapping_layers": 1},
            "discriminator": {**network, "mapping_layers": 1, "mbstd_group_size": 2},
            "training": settings,
        }
    )


def draw_pictures(folder: Path, *, count: int = 12, side: int = 8, mode: str = "RGB", classes: int = 0) -> Path:
    """Write random pictures and, if asked for, labels."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:03d}.png" for index in range(count)]
    for name in names:
        shape = (side, side) if mode == "L" else (side, side, len(mode))
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(folder / name)
    labels = [[name, index % classes] for index, name in enumerate(names)] if classes else None
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return draw_pictures(tmp_path / "pictures")


@pytest.fixture
def dataset(pictures: Path) -> PictureDataset:
    return PictureDataset(pictures)


def zip_of(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return path
