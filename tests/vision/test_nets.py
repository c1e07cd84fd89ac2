import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import nobodies.vision
from nobodies.errors import ModelError, ShapeError, WeightsError
from nobodies.vision import nets

WEIGHTS = Path(nobodies.vision.__file__).parent / "weights"


def test_every_shipped_file_is_the_one_of_the_manifest() -> None:
    promised = {name: sha for entry in nets.manifest()["nets"].values() for name, sha in entry["files"].items()}
    shipped = {path.name for path in WEIGHTS.iterdir() if path.is_file()} - {"manifest.json"}
    assert shipped == promised.keys()
    for name, checksum in promised.items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == checksum


def test_weights_stay_small_and_say_their_licence() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) < 20_000_000
    assert all(entry["licence"] and entry["origin"] for entry in nets.manifest()["nets"].values())
    assert len(list((WEIGHTS / "licences").iterdir())) >= 4


def flip_a_bit(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


@pytest.mark.parametrize("damage", [lambda content: content[:-1], flip_a_bit, lambda content: b""])
def test_damaged_weights_are_refused(damage: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nets._weight_file
    damaged = damage(whole("emotion.bin"))
    monkeypatch.setattr(nets, "_weight_file", lambda name: damaged if name == "emotion.bin" else whole(name))
    nets.shipped.cache_clear()
    try:
        with pytest.raises(WeightsError, match="damaged"):
            nets.shipped("emotion")
    finally:
        nets.shipped.cache_clear()


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=r"absent\.bin is missing"):
        nets._weight_file("absent.bin")


def test_unknown_nets_are_refused() -> None:
    with pytest.raises(ModelError, match="detector"):
        nets.shipped("ethnicity")


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match="64, 64, 3"):
        nets.shipped("emotion")(np.zeros((63, 64, 3), np.uint8))


def test_one_net_serves_several_threads() -> None:
    net = nets.shipped("emotion")
    pictures = [np.full((64, 64, 3), shade, np.uint8) for shade in range(0, 256, 8)]
    alone = [net(picture)["probabilities"] for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda picture: net(picture)["probabilities"], pictures))
    assert np.array_equal(alone, together)


def test_importing_the_room_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    code = "import sys, nobodies.vision; print({'numpy', 'openvino', 'PIL'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
