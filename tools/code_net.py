"""What the quality gate reads from style codes: a kernel regression taught by pictures, and a small net taught by it.

The regression holds thousands of faces and is too large to ship. But it can be asked about any style code, and
style codes cost nothing, so a net can learn from it as well as one likes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Array = NDArray[np.float32]

LINEAR: Final = 0.3
"""Weight of the linear kernel beside the Gaussian one."""
NUM_SEEDS: Final = 48_000
FIRST_SEED: Final = 500_001
HIDDEN: Final = 256
EPOCHS: Final = 30
BATCH: Final = 256
RATE: Final = 2e-3
_SOFTNESS: Final = 0.1
_OLDEST: Final = 45.0
_BLOCK: Final = 2000


def targets_of(ages: Float, scores: dict[str, Float], limits: dict[str, Float]) -> Float:
    """Say what is to be read from style codes, [N, 3], each 0 to 1: any fault, faulty glasses, youth.

    Args:
        ages: years, [N].
        scores: of the probes of pictures, [N, F] by part.
        limits: from which on these turn a face away, [F].
    """
    fault, glasses = (
        np.clip(np.nan_to_num(scores[part] - limits[part], nan=-1.0).max(1) / _SOFTNESS + 0.5, 0, 1)
        for part in ("whole", "eyes")
    )
    return np.column_stack([fault, glasses, 1 - np.clip(ages, 0, _OLDEST) / _OLDEST])


def code_kernel(codes: NDArray[Any], taught: NDArray[Any]) -> Array:
    """Give the likeness of codes [N, W] to those that were taught [M, W]: Gaussian and linear, [N, M]."""
    mean, deviation = taught.mean(0), taught.std(0) + 1e-6
    x, y = (((each - mean) / deviation).astype(np.float32) for each in (codes, taught))
    inner = x @ y.T / np.float32(x.shape[1])
    apart = np.square(x).mean(1)[:, None] + np.square(y).mean(1) - 2 * inner
    kernel: Array = np.exp(-apart) + np.float32(LINEAR) * inner
    return kernel


def distilled(
    teacher: Callable[[NDArray[Any]], Array],
    codes_of: Callable[[Sequence[int], float], Array],
    taught: NDArray[Any],
) -> dict[str, Array]:
    """Train the net: one hidden layer, and a linear way past it.

    Args:
        teacher: from codes [N, W] to scores [N, 3].
        codes_of: gives codes [N, W] of seeds at a psi.
        taught: codes that the teacher knows, [M, W]; the net sees them too.

    Returns:
        The arrays of `FaultProbes`, without the "code_" before their names.
    """
    import torch

    torch.set_num_threads(1)  # the steps are small: more threads wait for each other
    fresh = [
        codes_of(range(first, first + _BLOCK), psi)
        for psi, start in ((0.7, FIRST_SEED), (1.0, FIRST_SEED + NUM_SEEDS))
        for first in range(start, start + (NUM_SEEDS if psi == 0.7 else NUM_SEEDS // 4), _BLOCK)
    ]
    codes = np.concatenate([taught.astype(np.float32), *fresh])
    scores = np.concatenate([teacher(codes[start : start + _BLOCK]) for start in range(0, len(codes), _BLOCK)])
    mean, deviation = codes.mean(0), codes.std(0)
    middle, spread = scores.mean(0), scores.std(0)
    x, y = torch.from_numpy((codes - mean) / deviation), torch.from_numpy((scores - middle) / spread)
    torch.manual_seed(0)
    hidden, out = torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, y.shape[1])
    along = torch.nn.Linear(x.shape[1], y.shape[1], bias=False)
    weights = [weight for layer in (hidden, out, along) for weight in layer.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    held = torch.arange(len(x)) % 20 == 19
    for _ in range(EPOCHS):
        for batch in torch.split(torch.nonzero(~held)[:, 0][torch.randperm(int((~held).sum()))], BATCH):
            loss = (out(torch.relu(hidden(x[batch]))) + along(x[batch]) - y[batch]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        left = (out(torch.relu(hidden(x[held]))) + along(x[held]) - y[held]).square().mean(0).numpy()
    print(f"the net follows the regression with r2 {', '.join(f'{1 - each:.3f}' for each in left)} on codes held out")
    inner, last, past = (layer.weight.detach().numpy() for layer in (hidden, out, along))
    inner, past = inner / deviation, past / deviation
    return {
        "hidden": inner,
        "hidden_bias": hidden.bias.detach().numpy() - inner @ mean,
        "out": last * spread[:, None],
        "out_bias": (out.bias.detach().numpy() - past @ mean) * spread + middle,
        "along": past * spread[:, None],
    }
