from pathlib import Path

import numpy as np
import pytest

from nobodies.engines.mapping import MappingNetwork
from nobodies.errors import WeightsError
from nobodies.latents import z_from_seed
from nobodies.models.architectures import check_tensors
from nobodies.models.architectures import mobile_stylegan as architecture
from nobodies.models.importers.random_face import convert, read

FILES = [f"{name}Network.{part}" for name in ("Mapping", "Synthesis") for part in ("xml", "bin")]


@pytest.fixture
def copy(shipped_folder: Path, tmp_path: Path) -> Path:
    """A copy of the shipped graphs that a test may damage."""
    for name in FILES:
        (tmp_path / name).write_bytes((shipped_folder / name).read_bytes())
    return tmp_path


def test_the_weights_fit_the_architecture_and_nothing_is_left_over(shipped_folder: Path) -> None:
    network, tensors = read(shipped_folder)
    sizes = architecture.read(network)
    check_tensors(sizes, tensors)
    assert tensors.keys() == {name for name, _ in sizes.tensor_shapes()}
    assert sum(tensor.size for tensor in tensors.values()) == pytest.approx(10.1e6, rel=0.02)
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


def test_the_average_style_code_is_added(shipped_folder: Path) -> None:
    w_avg = convert(shipped_folder)[1]["mapping.w_avg"]
    assert w_avg.shape == (512,)
    assert w_avg.dtype == np.float32
    network, tensors = read(shipped_folder)
    mapping = MappingNetwork(architecture.read(network), tensors)
    mean = mapping(np.stack([z_from_seed(seed, 512) for seed in range(2000)])).mean(0)
    spread = np.abs(mapping(z_from_seed(0, 512)[None]) - w_avg).mean()
    assert np.abs(mean - w_avg).mean() < 0.05 * spread


def test_conversion_gives_the_same_bytes_again(shipped_folder: Path) -> None:
    first, second = convert(shipped_folder)[1], convert(shipped_folder)[1]
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(WeightsError, match=f"there is no {name}"):
        convert(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_found(copy: Path, name: str) -> None:
    path = copy / name
    path.write_bytes(path.read_bytes()[:-50_000])
    with pytest.raises(WeightsError, match="damaged"):
        convert(copy)


def test_a_foreign_graph_is_found(copy: Path) -> None:
    for part in ("xml", "bin"):
        (copy / f"SynthesisNetwork.{part}").write_bytes((copy / f"MappingNetwork.{part}").read_bytes())
    with pytest.raises(WeightsError, match=r"not those of random-face 2021\.7\.21\.1"):
        convert(copy)


def test_an_unpacked_wheel_is_understood(copy: Path) -> None:
    data = copy / "wheel" / "random_face" / "data"
    data.mkdir(parents=True)
    for name in FILES:
        (copy / name).rename(data / name)
    assert convert(copy / "wheel")[0]["resolution"] == 1024


def test_a_huge_file_is_not_read(copy: Path) -> None:
    with (copy / "MappingNetwork.xml").open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(WeightsError, match="is over"):
        convert(copy)
