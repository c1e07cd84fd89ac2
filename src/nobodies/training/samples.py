"""What the averaged generator makes of the same latent codes over a run, and how the discriminator judges it."""

import json
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from nobodies.files import write_atomic
from nobodies.provenance import encode_marked
from nobodies.settings import MarkSettings
from nobodies.training.randomness import torch_rng
from nobodies.training.state import TrainingState

NUM_SAMPLES: Final = 32
COLUMNS: Final = 8
_CHUNK: Final = 8


@torch.no_grad()
def write_samples(state: TrainingState, folder: Path, name: str) -> None:
    """Write a sheet of made pictures and the logit of each, in the same order.

    Args:
        state: of the run.
        folder: to write `NAME.png` and `NAME.json` to.
        name: of this moment in the run.

    Raises:
        OutputError: a file cannot be written.
    """
    pictures, logits = [], []
    for z, c in zip(*(torch.split(part, _CHUNK) for part in _codes(state)), strict=True):
        made = state.g_ema(z, c if c.shape[1] else None, dtype=state.compute_dtype)
        judged = state.discriminator(made, c if c.shape[1] else None, dtype=state.compute_dtype)
        pictures.append(to_uint8(made))
        logits += [round(value, 4) for value in judged.flatten().tolist()]
    write_png(folder / f"{name}.png", sheet(np.concatenate(pictures), columns=COLUMNS))
    write_atomic(folder / f"{name}.json", json.dumps({"logits": logits, "columns": COLUMNS}).encode())


def to_uint8(img: Tensor) -> NDArray[np.uint8]:
    """Turn pictures in [-1, 1], [N, P, R, R], into bytes."""
    pixels: NDArray[np.uint8] = ((img.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return pixels


def sheet(pictures: NDArray[np.uint8], *, columns: int) -> NDArray[np.uint8]:
    """Lay pictures [N, P, R, R] out in rows, [rows · R, columns · R, P]; what is missing in the last row is black."""
    count, channels, side, _ = pictures.shape
    rows = -(-count // columns)
    grid = np.zeros((rows * columns, channels, side, side), dtype=np.uint8)
    grid[:count] = pictures
    grid = grid.reshape(rows, columns, channels, side, side).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(grid.reshape(rows * side, columns * side, channels))


def _codes(state: TrainingState) -> tuple[Tensor, Tensor]:
    """The same latent codes and labels throughout the run."""
    config = state.config.generator
    rng = torch_rng(state.config.training.seed, "samples")
    z = torch.randn(NUM_SAMPLES, config.z_dim, generator=rng)
    labels = torch.arange(NUM_SAMPLES) % max(config.c_dim, 1)
    c = torch.nn.functional.one_hot(labels, config.c_dim).float() if config.c_dim else z[:, :0]
    return z.to(state.device), c.to(state.device)


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a picture [H, W, P], marked as generated.

    It is not signed, so that a run that is repeated writes the same bytes.

    Raises:
        OutputError: it cannot be written.
    """
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    write_atomic(path, encode_marked(image, {"training": path.name}, format="png", marks=MarkSettings(c2pa="off")))
