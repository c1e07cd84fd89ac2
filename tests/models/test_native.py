import hashlib
import json
import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_safetensors

from nobodies.errors import WeightsError
from nobodies.models import Description, LicenceLink, Model, native


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    description = Description("n", "t", {"architecture": "x"}, "s", (LicenceLink("a", "b", "c", "d"),))
    native.save(Model(description, {"b": np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1]}), tmp_path)
    return tmp_path


def test_what_is_saved_is_loaded(saved: Path) -> None:
    model = native.load(saved)
    assert model.tensors["b"].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert model.description.licence_chain == (LicenceLink("a", "b", "c", "d"),)
    assert len(model.fingerprint) == 16


def test_the_same_model_gives_the_same_bytes(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    native.save(native.load(saved), other)
    for name in (native.CONFIG_NAME, native.WEIGHTS_NAME):
        assert (saved / name).read_bytes() == (other / name).read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_flipped_byte_of_the_weights_is_found(saved: Path, place: int, flip: int) -> None:
    path = saved / native.WEIGHTS_NAME
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[place % len(whole)] ^= flip
    path.write_bytes(damaged)
    with pytest.raises(WeightsError, match="damaged"):
        native.load(saved)
    path.write_bytes(whole)


def test_truncated_weights_are_found(saved: Path) -> None:
    path = saved / native.WEIGHTS_NAME
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="checksum"):
        native.load(saved)


def test_a_missing_file_is_named(saved: Path) -> None:
    (saved / native.WEIGHTS_NAME).unlink()
    with pytest.raises(WeightsError, match=native.WEIGHTS_NAME):
        native.load(saved)
    (saved / native.CONFIG_NAME).unlink()
    with pytest.raises(WeightsError, match=native.CONFIG_NAME):
        native.load(saved)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"format_version": 99}, "not of format"),
        ({"surprise": 1}, "surprise"),
        ({"licence_chain": [{"odd": 1}]}, "licence chain"),
        ({"licence_chain": 7}, "licence chain"),
    ],
)
def test_a_configuration_with_anything_odd_is_refused(saved: Path, change: dict[str, object], hint: str) -> None:
    path = saved / native.CONFIG_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WeightsError, match=hint):
        native.load(saved)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.just(b"[" * 100_000)))
def test_garbage_for_a_configuration_is_a_weights_error(saved: Path, garbage: bytes) -> None:
    (saved / native.CONFIG_NAME).write_bytes(garbage)
    with pytest.raises(WeightsError):
        native.read_description(saved)


def test_a_huge_configuration_is_not_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_MOST_CONFIG_BYTES", 10)
    with pytest.raises(WeightsError, match="over 10 bytes"):
        native.load(saved)


def test_weights_stay_in_their_file(saved: Path) -> None:
    tensor = native.load(saved).tensors["b"]
    owner: object = tensor
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    assert isinstance(owner, memoryview)
    assert isinstance(owner.obj, mmap.mmap), "read into memory, they could not be shared between processes"


def test_changing_a_tensor_changes_no_file(saved: Path) -> None:
    before = (saved / native.WEIGHTS_NAME).read_bytes()
    tensor = native.load(saved).tensors["b"]
    tensor[0, 0] = 9
    assert tensor[0, 0] == 9
    assert (saved / native.WEIGHTS_NAME).read_bytes() == before


def test_a_model_survives_the_replacement_of_its_file(saved: Path) -> None:
    first = native.load(saved)
    native.save(Model(first.description, {"b": np.zeros((2, 3), np.float32)}), saved)
    assert first.tensors["b"].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert native.load(saved).tensors["b"].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_numbers_of_another_type_are_named(saved: Path) -> None:
    data = to_safetensors({"b": np.zeros(3, np.uint16)})
    (saved / native.WEIGHTS_NAME).write_bytes(data)
    described = json.loads((saved / native.CONFIG_NAME).read_text())
    described["weights_sha256"] = hashlib.sha256(data).hexdigest()
    (saved / native.CONFIG_NAME).write_text(json.dumps(described))
    with pytest.raises(WeightsError, match="numbers of type 'U16'"):
        native.load(saved)
