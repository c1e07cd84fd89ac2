"""The Inception network against numbers of the pytorch-fid package, and files that are not its weights."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nobodies.errors import WeightsError
from nobodies.training.metrics.inception import INPUT_PX, Inception, inception_features, load_inception, prepare


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Random numbers under the names and in the shapes of the real file, of which the test has no copy."""
    rng = np.random.default_rng(0)
    shapes = {name: tensor.shape for name, tensor in Inception().state_dict().items()}
    return {
        name: torch.from_numpy(random_tensor(rng, name, shapes[name]))
        for name in sorted(shapes)
        if not name.endswith("batches_tracked")
    }


def random_tensor(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    values: np.ndarray = rng.standard_normal(shape).astype(np.float32)
    if name.endswith("conv.weight"):
        values *= (2 / np.prod(shape[1:])) ** 0.5
    elif name.endswith("running_var"):
        values = 1 + 0.1 * np.abs(values)
    elif name.endswith("bn.weight"):
        values = 1 + 0.1 * values
    else:
        values *= 0.05
    return values.astype(np.float32)


def test_features_are_those_of_pytorch_fid(weights: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "weights.pth")
    network, name = load_inception(tmp_path / "weights.pth")
    assert name.startswith("Inception v3, weights from a file ")
    coarse = np.random.default_rng(1).integers(0, 256, (2, 3, 64, 64), dtype=np.uint8)[:, :, ::8, ::8]
    features = inception_features(network)(np.kron(coarse, np.ones((8, 8), np.uint8)).astype(np.uint8))
    assert features.shape == (2, 2048)
    # What pytorch_fid.inception.InceptionV3 of pytorch-fid 0.3.0 gives for the same weights and pictures.
    np.testing.assert_allclose(features[0, :4], [0.525331, 0.687856, 0.054939, 0.276846], atol=2e-4)
    np.testing.assert_allclose(features[1, -4:], [0.0, 0.145222, 0.027166, 1.560477], atol=2e-4)
    assert features.mean() == pytest.approx(0.2222749, abs=1e-4)
    assert features.std() == pytest.approx(0.29469493, abs=1e-4)


def test_safetensors_are_read_as_well(weights: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(weights, tmp_path / "weights.safetensors")
    network, _ = load_inception(tmp_path / "weights.safetensors")
    assert torch.equal(network.state_dict()["fc.weight"], weights["fc.weight"])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_kind_fit(channels: int) -> None:
    white = prepare(np.full((1, channels, 16, 16), 255, np.uint8))
    assert white.shape == (1, 3, INPUT_PX, INPUT_PX)
    torch.testing.assert_close(white, torch.ones_like(white))


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('code was run')",))


def test_other_files_are_refused(weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(WeightsError, match="cannot be read"):
        load_inception(path)
    for content in (b"", b"garbage", pickle.dumps(Hostile())):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="are not opened"):
            load_inception(path)
    torch.save([1, 2], path)
    with pytest.raises(WeightsError, match="by name"):
        load_inception(path)
    torch.save(weights | {"fc.weight": torch.zeros(1000, 2048)}, path)  # torchvision's classes
    with pytest.raises(WeightsError, match=r"fc.weight is \[1000, 2048\], want \[1008, 2048\]"):
        load_inception(path)
