"""Image-space filtering: each frequency band louder or softer.

Source: arXiv:2006.06676, appendix B, "image-space filtering": four bands from the order-2 symlet.
"""

import torch
from torch import Tensor
from torch.nn import functional

from nobodies.networks.convolution import conv2d
from nobodies.training.augment.draws import Draws

# Low-pass taps of PyWavelets 'sym2'.
SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)

NUM_BANDS = 4
POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""Expected share of each band in natural pictures, low frequencies first: 1 / f."""


def filter_bank() -> Tensor:
    """Zero-phase filters of the four bands, lowest first, [4, T]; their sum is a unit impulse.

    A low pass and its complement split the signal; the lower half is split again at twice the reach, and so on. The
    first split keeps the highest band.
    """
    taps = torch.tensor(SYM2, dtype=torch.float64)
    low = _convolve(taps, taps.flip(0)) / 2  # |H|², zero phase, unit sum
    bands: list[Tensor] = []
    passed = torch.ones(1, dtype=torch.float64)  # what is left to split
    reach = low
    for _ in range(NUM_BANDS - 1):
        lower = _convolve(passed, reach)
        bands.append(_subtract(passed, lower))
        passed, reach = lower, _stretch(reach)
    bands.append(passed)
    width = max(len(band) for band in bands)
    return torch.stack([_centred(band, width) for band in reversed(bands)]).float()


def draw_gains(draws: Draws) -> Tensor:
    """Draw the gain of each band, [N, 4]: one band is changed at a time, and the whole brought back to unit power."""
    power = torch.tensor(POWER, device=draws.uniform(0, 1).device)
    gains = torch.ones(draws.count, NUM_BANDS, device=power.device)
    for band in range(NUM_BANDS):
        changed = torch.ones_like(gains)
        changed[:, band] = draws.applied(draws.normal(1.0).exp2(), 1.0)
        gains = gains * changed / (power * changed.square()).sum(dim=1, keepdim=True).sqrt()
    return gains


def apply_gains(img: Tensor, gains: Tensor) -> Tensor:
    """Filter pictures [N, P, R, R] with the gains [N, 4] of their bands, rows then columns."""
    taps = gains @ filter_bank().to(img)  # [N, T]
    n, p, side, _ = img.shape
    taps = taps.repeat_interleave(p, dim=0)  # [N·P, T]
    pad = taps.shape[1] // 2
    edge = min(pad, side - 1)
    x = functional.pad(img, (edge, edge, edge, edge), mode="reflect").reshape(1, n * p, side + 2 * edge, -1)
    x = functional.pad(x, [pad - edge] * 4)
    x = conv2d(x, taps[:, None, None, :], groups=n * p)
    x = conv2d(x, taps[:, None, :, None], groups=n * p)
    return x.reshape(n, p, side, side)


def _convolve(a: Tensor, b: Tensor) -> Tensor:
    """Full convolution of two lines."""
    return functional.conv1d(a[None, None], b.flip(0)[None, None], padding=len(b) - 1)[0, 0]


def _stretch(taps: Tensor) -> Tensor:
    """Put a zero between any two taps."""
    stretched = taps.new_zeros(2 * len(taps) - 1)
    stretched[::2] = taps
    return stretched


def _centred(taps: Tensor, width: int) -> Tensor:
    """Pad to `width` on both sides."""
    margin = (width - len(taps)) // 2
    return functional.pad(taps, (margin, margin))


def _subtract(a: Tensor, b: Tensor) -> Tensor:
    """Difference of two centred filters of odd length."""
    width = max(len(a), len(b))
    return _centred(a, width) - _centred(b, width)
