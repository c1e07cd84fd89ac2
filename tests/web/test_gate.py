"""New faces pass the gate; faces by their address do not."""

from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import pytest
from starlette.testclient import TestClient

from nobodies.web import site as site_module
from nobodies.web.features import Features
from tests.gate.stand_in import SeedGate
from tests.web.conftest import wait_until

Open = Callable[..., TestClient]


@pytest.fixture
def gate() -> SeedGate:
    return SeedGate()


@pytest.fixture
def features(gate: SeedGate) -> Features:
    return Features(gate=gate)


def _seed(answer: Any) -> int:
    return int(answer.headers["content-location"].split("/face/")[1].split(".")[0])


def test_new_faces_are_sound_with_a_pool_and_without(open_site: Open, gate: SeedGate) -> None:
    for pool_faces in (0, 4):
        client = open_site(pool_faces=pool_faces)
        seeds = [_seed(client.get(path)) for path in ["/face.jpeg", "/face.png?size=16"] * 6]
        assert all(seed % 3 for seed in seeds)
        assert len(set(seeds)) == 12
    assert gate.num_refused > 0
    assert 'nobodies_refused_faces_total{reason="fault"}' in client.get("/metrics").text


def test_a_face_by_its_address_is_always_given(open_site: Open, gate: SeedGate) -> None:
    client = open_site(pool_faces=0)
    gate.looked_at.clear()
    assert client.get("/face/3.jpeg").status_code == 200
    assert client.get("/face.jpeg?u=somebody").status_code == 200
    assert gate.looked_at == []


def test_the_pool_fills_whatever_is_turned_away(open_site: Open, gate: SeedGate) -> None:
    gate.every = 2
    client = open_site(pool_faces=6)
    wait_until(lambda: "nobodies_pool_faces 6.0" in client.get("/metrics").text)


def test_after_many_refusals_the_next_face_is_given(open_site: Open, gate: SeedGate) -> None:
    client = open_site(pool_faces=0)
    gate.every = 1
    gate.looked_at.clear()
    assert client.get("/face.jpeg").status_code == 200
    assert len(gate.looked_at) == site_module._MOST_FAULTY


def test_new_faces_of_an_archive_are_sound_and_named_ones_given(open_site: Open, tmp_path: Any) -> None:
    client = open_site(pool_faces=2)
    for order, all_sound in (({"count": 6}, True), ({"seeds": ["3", "6"]}, False)):
        (tmp_path / "a.zip").write_bytes(client.post("/api/v1/batch", json=order).content)
        with ZipFile(tmp_path / "a.zip") as archive:
            names = [name for name in archive.namelist() if name.startswith("nobody-")]
        seeds = [int(name.split("-")[1].split(".")[0]) for name in names]
        assert all(seed % 3 for seed in seeds) == all_sound
        assert len(seeds) == (6 if all_sound else 2)
