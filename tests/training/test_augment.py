import math

import pytest
import torch
from torch import Tensor

from nobodies.training.augment import AdaptiveStrength, AugmentPipeline, colour, filtering, geometry
from nobodies.training.augment.draws import Draws
from nobodies.training.config import AUGMENT_PARTS


@pytest.fixture
def smooth() -> Tensor:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    planes = [torch.sin(x / 6) + y / 64, torch.cos(y / 5), torch.exp(-((x - 20) ** 2 + (y - 30) ** 2) / 60)]
    return torch.stack(planes)[None]


def one(value: float) -> Tensor:
    return torch.tensor([value])


def test_nothing_changes_at_strength_zero(smooth: Tensor) -> None:
    assert AugmentPipeline(list(AUGMENT_PARTS))(smooth, p=0.0) is smooth


def test_an_identity_warp_gives_the_picture_back(smooth: Tensor) -> None:
    torch.testing.assert_close(geometry.warp(smooth, torch.eye(3)[None]), smooth, rtol=0, atol=1e-5)


def test_a_shift_by_whole_pixels_moves_pixels(smooth: Tensor) -> None:
    moved = geometry.warp(smooth, geometry.translation(one(5.0), one(-3.0)))
    torch.testing.assert_close(moved[:, :, 10:50, 20:50], smooth[:, :, 13:53, 15:45], rtol=0, atol=1e-4)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns(smooth: Tensor, quarters: int) -> None:
    turned = geometry.warp(smooth, geometry.rotation(one(quarters * math.pi / 2)))
    torch.testing.assert_close(turned, smooth.rot90(-quarters, (2, 3)), rtol=0, atol=0.02)


def test_a_flip_is_exact_but_for_rounding(smooth: Tensor) -> None:
    flipped = geometry.warp(smooth, geometry.scaling(one(-1.0), one(1.0)))
    torch.testing.assert_close(flipped, smooth.flip(3), rtol=0, atol=0.02)


def test_enlarging_doubles_distances(smooth: Tensor) -> None:
    large = geometry.warp(smooth, geometry.scaling(one(2.0), one(2.0)))
    torch.testing.assert_close(
        large[:, :, 1::2, 1::2][:, :, :31, :31], (smooth[:, :, 16:47, 16:47]), rtol=0, atol=0.2
    )


def test_wavelets_are_orthonormal() -> None:
    for taps in (geometry.SYM6, filtering.SYM2):
        h = torch.tensor(taps, dtype=torch.float64)
        for shift in range(0, len(taps), 2):
            product = (h[shift:] * h[: len(h) - shift]).sum().item()
            assert product == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-10)


def test_the_bands_add_up_to_the_signal() -> None:
    bands = filtering.filter_bank()
    impulse = torch.zeros(bands.shape[1])
    impulse[bands.shape[1] // 2] = 1
    torch.testing.assert_close(bands.sum(0), impulse, rtol=0, atol=1e-6)
    torch.testing.assert_close(bands.sum(1), torch.tensor([1.0, 0, 0, 0]), rtol=0, atol=1e-6)


def test_unit_gains_filter_nothing(smooth: Tensor) -> None:
    torch.testing.assert_close(filtering.apply_gains(smooth, torch.ones(1, 4)), smooth, rtol=0, atol=1e-5)


def test_gains_keep_the_expected_power() -> None:
    draws = Draws(256, 1.0, rng=torch.Generator().manual_seed(0), device=torch.device("cpu"))
    gains = filtering.draw_gains(draws)
    # Each of the four changes is normalised on its own; over many draws power neither grows nor fades away.
    power = (torch.tensor(filtering.POWER) * gains.square()).sum(1)
    assert 0.5 < power.median() < 1.5
    neutral = filtering.draw_gains(Draws(4, 0.0, rng=None, device=torch.device("cpu")))
    torch.testing.assert_close(neutral, torch.ones(4, 4))


def test_hue_and_luma_keep_what_they_should() -> None:
    draws = Draws(64, 1.0, rng=torch.Generator().manual_seed(0), device=torch.device("cpu"))
    matrix = colour.draw_matrices(draws)
    grey = torch.full((64, 3, 2, 2), 0.25)
    recoloured = colour.recolour(grey, matrix)
    assert (recoloured.amax(1) - recoloured.amin(1)).max() < 1e-5  # grey stays grey under every colour transform
    alpha = torch.rand(64, 1, 2, 2)
    assert torch.equal(colour.recolour(torch.cat([grey, alpha], 1), matrix)[:, 3:], alpha)


@pytest.mark.parametrize("part", AUGMENT_PARTS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_part_changes_pictures_and_lets_gradients_through(part: str, channels: int) -> None:
    img = torch.rand(8, channels, 16, 16, requires_grad=True)

    def run() -> Tensor:
        return AugmentPipeline([part])(img, p=1.0, rng=torch.Generator().manual_seed(1))

    made = run()
    assert made.shape == img.shape
    assert torch.equal(made, run())
    assert (made - img).abs().max() > 0.01
    (grad,) = torch.autograd.grad(made.pow(3).sum(), img, create_graph=True)
    (again,) = torch.autograd.grad(grad.square().sum(), img)
    assert again.isfinite().all()
    assert again.abs().max() > 0


def test_second_derivatives_of_a_warp() -> None:
    img = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    matrix = (geometry.rotation(one(0.3)) @ geometry.scaling(one(1.2), one(0.9))).double()

    def run(img: Tensor) -> Tensor:
        return geometry.warp(img, matrix).pow(3)

    assert torch.autograd.gradcheck(run, (img,), fast_mode=True)
    assert torch.autograd.gradgradcheck(run, (img,), fast_mode=True)


def test_strength_follows_the_signs() -> None:
    strength = AdaptiveStrength()
    for _ in range(4):
        strength = strength.observe(90, 100).adjust(target=0.6, kimg=1.0)
    assert strength.p == pytest.approx(0.4)
    assert strength.r_t == pytest.approx(0.9)
    strength = strength.observe(0, 100).adjust(target=0.6, kimg=1.0)
    assert strength.p == pytest.approx(0.3)
    for _ in range(20):
        strength = strength.observe(0, 100).adjust(target=0.6, kimg=1.0)
    assert strength.p == 0
    assert strength.adjust(target=0.6, kimg=1.0) == strength
