"""Our numbers are those of the official release, and of our own slow twin."""

import re

import pytest
import torch
from benchmarks.training_twin import discriminate, synthesize
from safetensors.torch import load_file
from torch import Tensor

from nobodies.networks.resampling import downsample2d, upfirdn2d, upsample2d
from nobodies.training import losses
from tests.networks.conftest import DATA, Fixture


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * theirs.abs().max().item())


def assert_gradients_close(ours: list[Tensor], theirs: list[Tensor]) -> None:
    """Compare whole gradients: single entries of some are sums that cancel to nothing but rounding."""
    largest = max(grad.norm().item() for grad in theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine - other).norm() <= 1e-3 * other.norm() + 1e-6 * largest


def test_mapping(official: Fixture) -> None:
    values = official.values
    assert_close(official.generator.styles(values["z"], values["c"]), values["ws"])
    assert_close(official.generator.styles(values["z"], values["c"], psi=0.7), values["ws_psi07"])


@pytest.mark.parametrize(
    ("name", "psi", "noise_mode"),
    [("image", 1.0, "const"), ("image_psi07", 0.7, "const"), ("image_no_noise", 1.0, "none")],
)
def test_pictures(official: Fixture, name: str, psi: float, noise_mode: str) -> None:
    values = official.values
    with torch.no_grad():
        img = official.generator(values["z"], values["c"], psi=psi, noise_mode=noise_mode)
    assert_close(img, values[name])


def test_logits_and_losses(official: Fixture) -> None:
    values = official.values
    with torch.no_grad():
        fake = official.discriminator(values["image"], values["c"])
        real = official.discriminator(values["real"], values["c"])
    assert_close(fake, values["logits"])
    assert_close(real, values["real_logits"])
    assert_close(losses.generator_loss(fake), values["generator_loss"])
    assert_close(losses.discriminator_loss_fake(fake), values["discriminator_loss_fake"])
    assert_close(losses.discriminator_loss_real(real), values["discriminator_loss_real"])


def test_r1(official: Fixture) -> None:
    real = official.values["real"].clone().requires_grad_()
    logits = official.discriminator(real, official.values["c"])
    assert_close(losses.r1_penalty(logits, real).detach(), official.values["r1_penalty_per_image"])


def test_path_lengths(official: Fixture) -> None:
    ws = official.values["ws"].clone().requires_grad_()
    img = official.generator.synthesis(ws, noise_mode="const")
    lengths = losses.path_lengths(img, ws, official.values["pl_noise"])
    assert_close(lengths.detach(), official.values["pl_lengths"])


RESAMPLED = load_file(DATA / "upfirdn2d.safetensors")


@pytest.mark.parametrize("name", sorted(name for name in RESAMPLED if name.startswith("up") and "_" in name))
def test_upfirdn2d(name: str) -> None:
    up, down, *padding, flip = re.findall(r"\d", name)
    left, right, top, bottom = map(int, padding)
    ours = upfirdn2d(
        RESAMPLED["x"],
        RESAMPLED["filter"],
        up=int(up),
        down=int(down),
        padding=(left, right, top, bottom),
        flip=flip == "1",
        gain=int(up) ** 2,
    )
    assert_close(ours, RESAMPLED[name])


def test_resampling_by_two() -> None:
    assert_close(upsample2d(RESAMPLED["x"], RESAMPLED["filter"]), RESAMPLED["upsample2d"])
    assert_close(downsample2d(RESAMPLED["x"], RESAMPLED["filter"]), RESAMPLED["downsample2d"])


@pytest.mark.parametrize("form", ["scaled", "grouped"])
def test_regularisers_gradients_equal_the_twins(official: Fixture, form: str) -> None:
    """Second derivatives, which the fast convolutions take by a road of their own."""
    generator, values = official.generator, official.values
    if generator.config.conv_clamp is not None:
        pytest.skip("the twin does not clip")

    def lengths(img: Tensor, ws: Tensor) -> Tensor:
        return (losses.path_lengths(img, ws, values["pl_noise"]) - 1).square().mean()

    def grads(draw_twin: bool) -> list[Tensor]:
        ws = generator.styles(values["z"])
        img = (
            synthesize(generator, ws, random=False, form=form)  # type: ignore[arg-type]
            if draw_twin
            else generator.synthesis(ws, noise_mode="const")
        )
        parameters = [each for name, each in generator.named_parameters() if "noise" not in name]
        return list(torch.autograd.grad(lengths(img, ws), parameters, allow_unused=True, materialize_grads=True))

    assert_gradients_close(grads(False), grads(True))


def test_r1_gradients_equal_the_twins(official: Fixture) -> None:
    discriminator = official.discriminator
    if discriminator.config.conv_clamp is not None:
        pytest.skip("the twin does not clip")

    def grads(twin: bool) -> list[Tensor]:
        real = official.values["real"].clone().requires_grad_()
        logits = discriminate(discriminator, real) if twin else discriminator(real)
        penalty = losses.r1_penalty(logits, real).mean()
        parameters = list(discriminator.parameters())
        return list(torch.autograd.grad(penalty, parameters, allow_unused=True, materialize_grads=True))

    assert_gradients_close(grads(False), grads(True))
