import json
from typing import Any

import numpy as np
import pytest

from nobodies.errors import WeightsError
from nobodies.models.architectures import check_tensors
from nobodies.models.architectures import mobile_stylegan as architecture
from tests.engines.tiny import ARCHITECTURE, tiny_model


def test_an_architecture_survives_json() -> None:
    assert architecture.read(json.loads(json.dumps(architecture.describe(ARCHITECTURE)))) == ARCHITECTURE


def test_layers_are_counted_as_the_paper_draws_them() -> None:
    assert ARCHITECTURE.num_ws == 1 + 3 * 3 + 1
    assert [size for _, size in ARCHITECTURE.noise_layers] == [4, 8, 8, 16, 16, 32, 32]
    assert [block.subband_channels for block in ARCHITECTURE.blocks] == [4, 4, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": "stylegan3"}, "architecture 'stylegan3'"),
        ({"depth": 3}, "unknown or missing entries: depth"),
        ({"w_dim": 0}, "0 is no whole number"),
        ({"w_dim": True}, "True is no whole number"),
        ({"resolution": 48}, "power of two"),
        ({"channels": {"4": 16, "16": 8}}, "needs them for 4, 8"),
        ({"channels": {"4": 16, "8": 6, "16": 8, "32": 8}}, "do not split into 4 subbands"),
        ({"channels": [16]}, "cannot be read"),
        ({"lrelu_slope": 2}, "lrelu_slope is 2"),
    ],
)
def test_a_network_that_cannot_be_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        architecture.read(architecture.describe(ARCHITECTURE) | change)


def test_a_missing_or_misshapen_tensor_is_named() -> None:
    tensors = dict(tiny_model().tensors)
    bias = tensors.pop("synthesis.b8.conv0.bias")
    with pytest.raises(WeightsError, match=r"no 'synthesis\.b8\.conv0\.bias'"):
        check_tensors(ARCHITECTURE, tensors)
    with pytest.raises(WeightsError, match=r"float32 \[15\], but the network needs float32 \[16\]"):
        check_tensors(ARCHITECTURE, tensors | {"synthesis.b8.conv0.bias": bias[1:]})
    with pytest.raises(WeightsError, match="float64"):
        check_tensors(ARCHITECTURE, tensors | {"synthesis.b8.conv0.bias": bias.astype(np.float64)})
