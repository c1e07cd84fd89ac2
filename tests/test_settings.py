import math
from pathlib import Path

import pytest

from nobodies.errors import SettingError
from nobodies.settings import (
    EngineSettings,
    FaceOptions,
    FaceSettings,
    PictureSettings,
    Settings,
    described,
    environment,
)


@pytest.mark.parametrize("group", [FaceSettings, EngineSettings, PictureSettings])
def test_every_default_is_within_its_own_limits(group: type[Settings]) -> None:
    group()
    for each in described(group):
        each.check(each.default)
        assert each.limits.text


def test_the_keyword_arguments_are_the_fields() -> None:
    assert list(FaceOptions.__annotations__) == [each.name for each in described(FaceSettings)]


@pytest.mark.parametrize("psi", [1.6, -2, math.nan, math.inf, "0.7", None, True])
def test_a_wrong_psi_is_refused_in_one_line(psi: float) -> None:
    with pytest.raises(SettingError, match="psi") as error:
        FaceSettings(psi=psi)
    assert "\n" not in str(error.value)


def test_choices_and_kinds_are_checked() -> None:
    with pytest.raises(SettingError, match="stored, none, seeded"):
        FaceSettings(noise="loud")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="whole number"):
        PictureSettings(size_px=10.5)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="between 16 and 8192"):
        PictureSettings(size_px=15)
    with pytest.raises(SettingError, match="at least 0"):
        FaceSettings(cutoff=-1)


def test_the_environment_chooses_the_cache() -> None:
    assert environment({"NOBODIES_CACHE": "/somewhere"}).cache_dir == Path("/somewhere")
    assert environment({}).cache_dir.name == "nobodies"
