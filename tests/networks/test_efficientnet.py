"""The perceptual distance agrees with the graph that the vision nets run, and hands gradients through."""

import numpy as np
import pytest
import torch

from nobodies.networks.efficientnet import Features, PerceptualDistance
from nobodies.vision.efficientnet import INPUT_PX, NUM_FEATURES, STAGES, build

WIDTHS = (16, 24, 40, 80, 112, 192, 320)
KERNELS = (3, 3, 5, 3, 5, 5, 3)


def tensors() -> dict[str, np.ndarray]:
    """Weights of the right names and shapes, small enough to stay finite."""
    random, made = np.random.default_rng(0), {}

    def layer(name: str, norm: str, shape: tuple[int, ...]) -> None:
        fan_in = int(np.prod(shape[1:]))
        made[f"{name}.weight"] = random.normal(0, fan_in**-0.5, shape).astype(np.float32)
        for statistic in ("weight", "bias", "running_mean", "running_var"):
            made[f"{norm}.{statistic}"] = random.uniform(0.5, 1.5, shape[0]).astype(np.float32)

    layer("conv_stem", "bn0", (32, 3, 3, 3))
    number, before = 0, 32
    for stage, width, kernel in zip(STAGES, WIDTHS, KERNELS, strict=True):
        for _ in range(stage.repeats):
            name, inner = f"blocks.{number}", before * stage.expand
            if stage.expand != 1:
                layer(f"{name}.expand_conv", f"{name}.bn0", (inner, before, 1, 1))
            layer(f"{name}.depthwise_conv", f"{name}.bn1", (inner, 1, kernel, kernel))
            layer(f"{name}.project_conv", f"{name}.bn2", (width, inner, 1, 1))
            number, before = number + 1, width
    layer("conv_head", "bn1", (NUM_FEATURES, before, 1, 1))
    return made


@pytest.fixture(scope="module")
def features() -> Features:
    return Features(tensors())


def pictures(count: int, size_px: int = INPUT_PX) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(1).uniform(0, 255, (count, 3, size_px, size_px)), dtype=torch.float32)


def test_features_equal_those_of_the_graph(features: Features) -> None:
    from nobodies.vision.nets import Net

    picture = pictures(1).round()
    rgb = picture[0].permute(1, 2, 0).numpy().astype(np.uint8)
    expected = Net(build(tensors()), "test")(rgb)["features"]
    with torch.no_grad():
        assert features(picture).numpy() == pytest.approx(
            expected, rel=1e-3, abs=1e-3 * float(np.abs(expected).max())
        )


def test_a_picture_is_like_itself_and_less_like_others(features: Features) -> None:
    wanted = pictures(1, 100)
    near, far = (wanted + 20 * torch.randn_like(wanted), 255 - wanted)
    distances = PerceptualDistance(features, wanted)(torch.cat([wanted, near, far]))
    assert distances.shape == (3,)
    assert distances[0] == pytest.approx(0, abs=1e-4)
    assert distances[0] < distances[1] < distances[2]


def test_following_the_gradient_brings_pictures_closer(features: Features) -> None:
    distance = PerceptualDistance(features, pictures(1, 64))
    picture = torch.full((1, 3, 64, 64), 127.0, requires_grad=True)
    before = distance(picture).sum()
    before.backward()
    assert picture.grad is not None
    with torch.no_grad():
        after = distance(picture - 20 * picture.grad.sign())
    assert after.sum() < before
