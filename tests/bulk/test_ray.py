"""A cluster of three nodes on this machine, each with processes of its own; one is killed, and so is the driver."""

import socket
from pathlib import Path

import pytest

from tests.bulk.processes import begun, bulk, wait_for_shards

pytest.importorskip("ray")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_node_is_killed_and_then_the_driver(
    reference: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.bulk.cluster import KEY, cluster
    from tests.bulk.conftest import sums

    for name, value in KEY.items():
        monkeypatch.setenv(name, value)
    with cluster(num_nodes=2) as (address, nodes):
        on_ray = ("--engine", "ray", "--address", address)
        with begun(tmp_path / "a", *on_ray) as run:
            wait_for_shards(tmp_path / "a", 3)
            nodes.pop().kill()
            output, errors = run.communicate(timeout=600)
        assert run.returncode == 0, errors
        assert "no seed twice, none missing" in output
        assert sums(tmp_path / "a") == reference

        with begun(tmp_path / "b", *on_ray) as run:
            wait_for_shards(tmp_path / "b", 3)
            run.kill()
        assert not (tmp_path / "b" / "index.json").exists()
        finished = bulk(tmp_path / "b", *on_ray)
        assert finished.returncode == 0, finished.stderr
        assert "were there already" in finished.stdout
        assert sums(tmp_path / "b") == reference

        monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
        refused = bulk(tmp_path / "c", *on_ray)
        assert refused.returncode == 2
        assert "the cluster's key" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_cluster_on_this_machine_is_started_and_put_away(reference: dict[str, str], tmp_path: Path) -> None:
    from tests.bulk.conftest import sums

    finished = bulk(tmp_path / "set", "--engine", "ray", "--workers", "2", "--worker-threads", "1")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert sums(tmp_path / "set") == reference


def test_a_cluster_that_is_not_there(reference: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    finished = bulk(tmp_path / "set", "--engine", "ray", "--address", f"127.0.0.1:{port}")
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"nobodies: no Ray cluster at 127.0.0.1:{port}: Connection refused; start one")
    assert finished.stderr.count("\n") == 1
