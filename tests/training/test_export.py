"""What was trained in torch draws the same on the engine."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nobodies.engines import open_engine
from nobodies.errors import SettingError
from nobodies.models import native
from nobodies.networks import Generator, GeneratorConfig
from nobodies.settings import EngineSettings
from nobodies.training.export import to_model

SMALL = {"resolution": 16, "channel_base": 256, "channel_max": 16, "z_dim": 8, "w_dim": 8, "mapping_layers": 2}


def trained(**changes: object) -> Generator:
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig.from_dict({**SMALL, **changes})).eval()
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return generator


@pytest.mark.parametrize("changes", [{}, {"img_channels": 1}, {"conv_clamp": 0.5}])
def test_a_model_on_disk_draws_what_the_module_draws(changes: dict[str, object], tmp_path: Path) -> None:
    generator = trained(**changes)
    model = to_model(generator, name="mine", title="mine", source="trained here", licence="CC0")
    native.save(model, tmp_path)
    engine = open_engine(native.load(tmp_path), EngineSettings(precision="f32"), compiled_folder=None)
    z = torch.randn(2, 8)
    with torch.no_grad():
        expected = generator(z).numpy()
    ws = engine.map(z.numpy())
    made = engine.synthesize_float(np.repeat(ws[:, None], engine.num_ws, axis=1))
    expected = np.broadcast_to(expected, made.shape)  # engines give grey pictures three equal channels or one
    np.testing.assert_allclose(made, expected, atol=1e-3 * np.abs(expected).max())


def test_what_engines_cannot_run_is_refused() -> None:
    for changes in ({"architecture": "resnet"}, {"img_channels": 4}):
        with pytest.raises(SettingError, match="cannot be run"):
            to_model(trained(**changes), name="x", title="x", source="x", licence="x")
