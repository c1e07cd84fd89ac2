"""Real processes on the real engine: killed, interrupted, many and few, and always the same bytes."""

import os
import signal
from pathlib import Path

import pytest

from nobodies.bulk.local import LocalCrew
from nobodies.errors import SettingError
from nobodies.settings import CrewSettings
from tests.bulk.conftest import recipe_of, sums
from tests.bulk.processes import COUNT, begun, bulk, wait_for_shards, wait_until, workers_of


def test_it_does_not_matter_how_many_work(reference: dict[str, str], tmp_path: Path) -> None:
    for workers, threads in (("2", "1"), ("1", "3")):
        finished = bulk(tmp_path / workers, "--workers", workers, "--worker-threads", threads)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert f"{COUNT} faces in" in finished.stdout
        assert sums(tmp_path / workers) == reference


def test_a_worker_that_is_killed_is_replaced(reference: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path / "set") as run:
        wait_for_shards(tmp_path / "set", 3)
        os.kill(max(workers_of(run.pid)), signal.SIGKILL)
        _, errors = run.communicate(timeout=120)
    assert (run.returncode, errors) == (0, "")
    assert sums(tmp_path / "set") == reference


def test_after_a_kill_its_workers_are_gone_and_the_rest_is_made(reference: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path / "set") as run:
        wait_for_shards(tmp_path / "set", 3)
        workers = workers_of(run.pid)
        run.kill()
    assert len(workers) == 2
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    num_made = len(list((tmp_path / "set" / "records").glob("*.json")))
    assert not (tmp_path / "set" / "index.json").exists()
    finished = bulk(tmp_path / "set", "--workers", "2", "--worker-threads", "1")
    assert f"({num_made} were there already)" in finished.stdout
    assert sums(tmp_path / "set") == reference


def test_ctrl_c_leaves_whole_files(reference: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path / "set") as run:
        wait_for_shards(tmp_path / "set", 3)
        os.killpg(run.pid, signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors.strip()) == (130, "nobodies: interrupted")
    assert not list((tmp_path / "set").rglob("*.tmp"))
    assert bulk(tmp_path / "set").returncode == 0
    assert sums(tmp_path / "set") == reference


def test_a_second_run_into_the_same_folder_is_refused(reference: dict[str, str], tmp_path: Path) -> None:
    with begun(tmp_path / "set") as run:
        wait_for_shards(tmp_path / "set", 1)
        run.send_signal(signal.SIGSTOP)  # or it might be done before the second has begun
        second = bulk(tmp_path / "set")
        run.send_signal(signal.SIGCONT)
        run.communicate(timeout=120)
    assert second.returncode == 2
    assert "another run writes to" in second.stderr
    assert sums(tmp_path / "set") == reference


def test_an_address_is_for_ray(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="an address is for --engine ray"):
        LocalCrew(CrewSettings(address="auto"), recipe_of())


def test_cores_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(10)))
    crews = [LocalCrew(CrewSettings(worker_threads=threads), recipe_of()) for threads in (0, 1, 16)]
    assert [(crew.num_workers, crew.threads) for crew in crews] == [(2, 4), (10, 1), (1, 16)]
