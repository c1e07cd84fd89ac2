"""A stand-in for a photograph: noise with the spectrum that photographs have, smooth on one side."""

from functools import cache

import numpy as np
from PIL import Image


@cache
def photograph(size_px: int, seed: int = 1) -> Image.Image:
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size_px)[:, None], np.fft.rfftfreq(size_px)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((size_px, size_px))) / frequency**1.2
    plane = np.fft.irfft2(spectrum, s=(size_px, size_px))
    plane *= np.linspace(0.2, 1, size_px) * 40 / plane.std()
    colours = plane[..., None] * [1.0, 0.9, 0.8] + [150, 125, 110]
    return Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))
