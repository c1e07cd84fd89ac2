import numpy as np
import pytest

from nobodies.engines.mapping import MappingNetwork
from nobodies.errors import ShapeError
from tests.engines.tiny import ARCHITECTURE, tiny_model


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    network = MappingNetwork(ARCHITECTURE, tiny_model().tensors)
    z = np.random.default_rng(0).standard_normal((7, 8)).astype(np.float32)
    assert np.array_equal(network(z), np.concatenate([network(row[None]) for row in z]))


def test_it_computes_what_the_paper_says() -> None:
    tensors = tiny_model().tensors
    z = np.random.default_rng(0).standard_normal((1, 8)).astype(np.float32)
    x = z[0].astype(np.float64) / np.sqrt((z[0].astype(np.float64) ** 2).mean() + 1e-8)
    for index in range(2):
        x = tensors[f"mapping.fc{index}.weight"].astype(np.float64) @ x + tensors[f"mapping.fc{index}.bias"]
        x = np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(MappingNetwork(ARCHITECTURE, tensors)(z)[0], x, rtol=1e-5, atol=1e-6)


def test_the_length_of_a_latent_code_does_not_matter() -> None:
    network = MappingNetwork(ARCHITECTURE, tiny_model().tensors)
    z = np.random.default_rng(0).standard_normal((1, 8)).astype(np.float32)
    np.testing.assert_allclose(network(3 * z), network(z), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(8,), (1, 7), (1, 1, 8)])
def test_a_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"this model takes \[N, 8\]"):
        MappingNetwork(ARCHITECTURE, tiny_model().tensors)(np.zeros(shape, np.float32))
