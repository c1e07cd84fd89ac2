import pytest

from nobodies.errors import SettingError
from nobodies.training import PRESETS, TrainingConfig, TrainingSettings, find_preset
from nobodies.training.presets import fit_to_data
from tests.training.conftest import tiny_config


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_travel_as_json(name: str) -> None:
    config = find_preset(name).config
    assert TrainingConfig.from_json(config.to_json()) == config
    grey = fit_to_data(config, img_channels=1, c_dim=4)
    assert grey.generator.img_channels == grey.discriminator.img_channels == 1


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(SettingError, match="did you mean 'face-64-cpu'"):
        find_preset("face-64-cpuu")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "JSON object"),
        ("{", "not JSON"),
        ('{"training": 3}', "JSON object"),
        ('{"optimiser": {}}', "unknown part"),
        ('{"training": {"momentum": 1}}', "unknown training setting 'momentum'"),
        ('{"training": {"batch": 0}}', "batch"),
        ('{"training": {"batch": 9, "chunk": 4}}', "whole chunks"),
        ('{"training": {"augment_parts": "flip,melt"}}', "melt"),
        ('{"generator": {"resolution": 32}}', "resolution is 32 in the generator"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        TrainingConfig.from_json(text)


def test_steps_cover_the_pictures() -> None:
    assert TrainingSettings(total_kimg=0.1, batch=32).total_steps == 4
    assert tiny_config().training.num_chunks == 2
