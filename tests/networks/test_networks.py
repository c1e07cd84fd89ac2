"""Forms, sizes, precisions and refusals."""

import itertools

import pytest
import torch

from nobodies.errors import SettingError, ShapeError
from nobodies.networks import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from nobodies.networks.config import Architecture
from nobodies.networks.convolution import conv2d, conv2d_lrelu, conv_transpose2d
from nobodies.networks.discriminator import minibatch_std
from nobodies.networks.synthesis import demodulation
from nobodies.training import losses

SMALL = {"channel_base": 256, "channel_max": 16}
FORMS: list[Architecture] = ["skip", "resnet", "orig"]


def generator(**changes: object) -> Generator:
    settings = {"resolution": 16, "z_dim": 8, "w_dim": 12, "mapping_layers": 2, **SMALL, **changes}
    return Generator(GeneratorConfig.from_dict(settings))


def discriminator(**changes: object) -> Discriminator:
    return Discriminator(DiscriminatorConfig.from_dict({"resolution": 16, **SMALL, **changes}))


@pytest.mark.parametrize(("form", "channels"), list(itertools.product(FORMS, [1, 3, 4])))
def test_every_form_and_channel_count(form: Architecture, channels: int) -> None:
    g, d = (
        generator(architecture=form, img_channels=channels),
        discriminator(architecture=form, img_channels=channels),
    )
    img = g(torch.randn(3, 8), noise_mode="random")
    assert img.shape == (3, channels, 16, 16)
    logits = d(img)
    assert logits.shape == (3, 1)
    losses.generator_loss(logits).mean().backward()  # type: ignore[no-untyped-call]
    # noise_const and the like are buffers; every parameter takes part
    assert all(parameter.grad is not None for parameter in g.parameters())


@pytest.mark.parametrize("resolution", [8, 16, 32, 64, 128])
def test_every_resolution(resolution: int) -> None:
    g = generator(resolution=resolution)
    assert g.config.num_ws == 2 * (resolution.bit_length() - 1) - 2
    assert g(torch.randn(1, 8)).shape[2:] == (resolution, resolution)
    assert discriminator(resolution=resolution)(torch.randn(1, 3, resolution, resolution)).shape == (1, 1)


def test_each_layer_listens_to_its_own_style() -> None:
    g = generator()
    ws = torch.randn(1, g.config.num_ws, 12)
    plain = g.synthesis(ws, noise_mode="none")
    for layer in range(g.config.num_ws):
        changed = ws.clone()
        changed[:, layer] += 1
        assert not torch.equal(g.synthesis(changed, noise_mode="none"), plain), layer


def test_a_face_is_the_same_alone_and_in_a_batch() -> None:
    g = generator().eval()
    z = torch.randn(5, 8)
    with torch.no_grad():
        torch.testing.assert_close(g(z)[3:4], g(z[3:4]), rtol=1e-5, atol=1e-5)


def test_bf16_agrees_with_f32() -> None:
    torch.manual_seed(0)
    g, d = generator(), discriminator()
    z = torch.randn(8, 8)

    def grads(dtype: torch.dtype) -> list[torch.Tensor]:
        loss = losses.generator_loss(d(g(z, dtype=dtype), dtype=dtype)).mean()
        return list(torch.autograd.grad(loss, [*g.parameters(), *d.parameters()], allow_unused=True))

    for exact, rough in zip(grads(torch.float32), grads(torch.bfloat16), strict=True):
        if exact is not None and exact.numel() > 1:
            assert rough.dtype == torch.float32
            assert torch.cosine_similarity(exact.flatten(), rough.flatten(), dim=0) > 0.98


def test_labels_change_the_answer() -> None:
    g, d = generator(c_dim=3), discriminator(c_dim=3)
    z, c = torch.randn(3, 8), torch.eye(3)
    img = g(z, c)
    assert not torch.allclose(g(z, c.roll(1, 0)), img)
    assert not torch.allclose(d(img, c), d(img, c.roll(1, 0)))
    with pytest.raises(ShapeError, match="c is nothing"):
        g(z)


def test_demodulated_weights_have_unit_norm() -> None:
    weight, styles = torch.randn(6, 5, 3, 3), torch.randn(4, 5)
    scale = demodulation(weight, styles)
    norms = (weight[None] * styles[:, None, :, None, None] * scale[:, :, None, None, None]).square().sum((2, 3, 4))
    torch.testing.assert_close(norms, torch.ones(4, 6), rtol=1e-4, atol=1e-4)


def test_truncation() -> None:
    g = generator()
    z = torch.randn(2, 8)
    g.mapping.track(g.mapping(torch.randn(64, 8)), beta=0.0)
    assert torch.allclose(g.styles(z, psi=0), g.mapping.w_avg.expand(2, g.config.num_ws, -1))
    half = g.styles(z, psi=0.5, cutoff=2)
    assert torch.equal(half[:, 2:], g.styles(z)[:, 2:])
    torch.testing.assert_close(half[:, :2], (g.styles(z)[:, :2] + g.mapping.w_avg) / 2)


def test_minibatch_std_of_equal_pictures_is_nothing() -> None:
    x = torch.randn(1, 4, 2, 2).expand(6, -1, -1, -1)
    extended = minibatch_std(x, group_size=4, num_channels=1)  # 6 is no multiple of 4: groups of 3
    assert extended.shape == (6, 5, 2, 2)
    assert extended[:, 4].abs().max() < 1e-3
    spread = minibatch_std(torch.randn(6, 4, 2, 2), group_size=3, num_channels=2)
    assert spread[:, 4:].min() > 0.1


@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (2, 1), (1, 4), (2, 4)])
@pytest.mark.parametrize("transposed", [False, True])
def test_convolution_derivatives_of_any_order(stride: int, groups: int, transposed: bool) -> None:
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 4 // groups, 4, 4, dtype=torch.float64, requires_grad=True)
    convolve = conv_transpose2d if transposed else conv2d

    def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return convolve(x, weight, stride=stride, padding=1, groups=groups)

    assert torch.autograd.gradcheck(run, (x, weight), fast_mode=True)
    assert torch.autograd.gradgradcheck(run, (x, weight), fast_mode=True)


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_with_activation(stride: int) -> None:
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        return conv2d_lrelu(*inputs, slope=0.2, stride=stride, padding=1)

    assert torch.autograd.gradcheck(run, (x, weight, bias), fast_mode=True)
    assert torch.autograd.gradgradcheck(run, (x, weight, bias), fast_mode=True)
    plain = torch.nn.functional.leaky_relu(conv2d(x, weight, bias, stride=stride, padding=1), 0.2)
    torch.testing.assert_close(run(x, weight, bias), plain)
    fused = run(*(each.detach().bfloat16() for each in (x, weight, bias)))
    torch.testing.assert_close(fused.double(), plain, atol=0.1, rtol=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": 24}, "power of two"),
        ({"img_channels": 2}, "img_channels"),
        ({"channel_base": 8}, "channel_base"),
        ({"architecture": "plain"}, "architecture"),
        ({"depth": 3}, "unknown setting 'depth'"),
    ],
)
def test_what_cannot_be_built_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        generator(**changes)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="want"):
        generator().synthesis(torch.randn(1, 3, 12))
    with pytest.raises(ShapeError, match="want"):
        discriminator()(torch.randn(1, 3, 8, 8))
    with pytest.raises(ShapeError, match="z is"):
        generator().mapping(torch.randn(1, 9))


def test_configurations_travel_as_plain_values() -> None:
    config = GeneratorConfig(resolution=32, conv_clamp=256.0)
    assert GeneratorConfig.from_dict(config.to_dict()) == config
