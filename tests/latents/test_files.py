import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nobodies.errors import InputError
from nobodies.latents.files import load_codes


def test_npy_and_npz_are_read(tmp_path: Path) -> None:
    codes = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", codes)
    np.savez(tmp_path / "named.npz", w=codes, other=codes * 2)
    np.savez(tmp_path / "single.npz", whatever=codes)
    for name in ("a.npy", "named.npz", "single.npz"):
        assert np.array_equal(load_codes(tmp_path / name, ("ws", "w")), codes)


def test_a_file_of_objects_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "plain.npy").write_bytes(pickle.dumps(Hostile()))
    np.save(tmp_path / "objects.npy", np.array([Hostile()], object), allow_pickle=True)
    for name in ("plain.npy", "objects.npy"):
        with pytest.raises(InputError):
            load_codes(tmp_path / name, ("w",))
    assert not (tmp_path / "ran").exists()


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "unnamed.npz", a=np.zeros(2), b=np.zeros(2))
    (tmp_path / "empty.npy").touch()
    for name, hint in (
        ("missing.npy", "No such file"),
        ("unnamed.npz", "name the array"),
        ("empty.npy", "not a .npy"),
    ):
        with pytest.raises(InputError, match=hint):
            load_codes(tmp_path / name, ("w",))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", w=np.zeros(1_000_000))
    monkeypatch.setattr("nobodies.latents.files._MOST_BYTES", 100_000)
    assert (tmp_path / "bomb.npz").stat().st_size < 100_000
    with pytest.raises(InputError, match="unpacks to more"):
        load_codes(tmp_path / "bomb.npz", ("w",))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04"]))
def test_garbage_is_an_input_error(tmp_path: Path, garbage: bytes, head: bytes) -> None:
    path = tmp_path / "garbage.npy"
    path.write_bytes(head + garbage)
    with pytest.raises(InputError):
        load_codes(path, ("w",))
