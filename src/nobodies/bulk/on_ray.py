"""A crew of Ray tasks: on this machine, or on all machines of a cluster.

Ray places the tasks, keeps the processes that hold a model, and does again what a lost process or machine was at.
"""

import contextlib
import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from nobodies.bulk.crews import MOST_LOSSES, MOST_THREADS, attempt
from nobodies.bulk.recipe import Recipe
from nobodies.bulk.tasks import Task
from nobodies.errors import DependencyError, NobodiesError, WorkerError
from nobodies.settings import CrewSettings

R = TypeVar("R")

_log = logging.getLogger(__name__)

_CONNECT_S: Final = 5.0
_SHORT: Final = 24
_WORKER_BYTES: Final = 400 << 20
_THREAD_BYTES: Final = 100 << 20
"""What a worker takes, and more for each of its cores: Ray gives a machine no more workers than it has memory for."""
_OBJECT_STORE_BYTES: Final = 80 << 20
"""The least that Ray takes. Tasks and results are small: pictures go to the target, not through Ray."""


class RayCrew:
    """Tasks on a Ray cluster."""

    def __init__(self, settings: CrewSettings, recipe: Recipe) -> None:
        """Take the settings; the cluster is joined on entering.

        Raises:
            DependencyError: Ray is not installed.
        """
        # Ray reads these when it is imported. Nothing of what is done here is reported to anybody.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        if settings.address is None:
            # A key for this run alone; otherwise Ray would make one in the user's home.
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        try:
            import ray
        except ImportError:
            raise DependencyError("--engine ray needs an extra: pip install 'nobodies[bulk]'") from None
        self._ray: Any = ray
        known = ray.exceptions
        self.lost: tuple[type[BaseException], ...] = (
            known.WorkerCrashedError,
            known.NodeDiedError,
            known.LocalRayletDiedError,
            known.OutOfMemoryError,
            known.ObjectLostError,
        )
        self._settings, self._recipe = settings, recipe
        self._folder: str | None = None
        self._task: Any = None
        self.threads = 0

    @property
    def num_workers(self) -> int:
        """As many as the cluster's cores take just now; it may grow and shrink."""
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        room = max(1, cores // self.threads)
        return min(room, self._settings.workers or room)

    @property
    def num_ahead(self) -> int:
        """One task a worker, and one in waiting for each two."""
        return self.num_workers + (self.num_workers + 1) // 2

    def submit(self, task: Task[R]) -> "Future[R | NobodiesError]":
        """Give a task to the cluster."""
        future: Future[R | NobodiesError] = self._task.remote(self._recipe, self.threads, task).future()
        return future

    def __enter__(self) -> "RayCrew":
        """Join the cluster, or start one.

        Raises:
            WorkerError: it cannot be reached, runs other versions, or has no machine with so many cores.
        """
        address = self._settings.address
        if address is not None:
            _require_reachable(address)
        options: dict[str, Any] = {"address": address} if address is not None else self._own_cluster()
        try:
            with _stderr_logged():
                self._ray.init(log_to_driver=False, logging_level="ERROR", **options)
        except (self._ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
            where = address or "this machine"
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise WorkerError(f"no Ray cluster at {where}: {reason.rstrip('.')}; {_advice(address)}") from error
        try:
            self.threads = self._settled_threads()
        except WorkerError:
            self.__exit__()
            raise
        memory = _WORKER_BYTES + self.threads * _THREAD_BYTES
        self._task = self._ray.remote(num_cpus=self.threads, memory=memory, max_retries=MOST_LOSSES)(attempt)
        return self

    def __exit__(self, *error: object) -> None:
        self._ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _own_cluster(self) -> dict[str, Any]:
        # Ray puts sockets there, whose names the system allows no more than some hundred letters.
        if len(tempfile.gettempdir()) <= _SHORT:
            self._folder = tempfile.mkdtemp(prefix="nbray")
        return {
            "_temp_dir": self._folder,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "num_cpus": (self._settings.workers * self._settings.worker_threads) or None,
        }

    def _settled_threads(self) -> int:
        """Give the cores of a worker: as many as every machine has, up to 4."""
        cores = [int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"]]
        usable = [number for number in cores if number]
        wanted = self._settings.worker_threads
        if not usable or max(usable) < wanted:
            raise WorkerError(
                f"no machine of the Ray cluster has {wanted or 1} cores to give: lower --worker-threads, or add some"
            )
        return wanted or min(*usable, MOST_THREADS)


@contextlib.contextmanager
def _stderr_logged() -> Iterator[None]:
    """Send what a library writes to stderr to the log: Ray warns every second while a cluster refuses it."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said.read().decode(errors="replace").splitlines():
                _log.info("%s", line)


def _advice(address: str | None) -> str:
    if address is None:
        return "is there room in the temporary folder, and memory? '--engine local' needs no cluster"
    return "does this machine have the cluster's key (RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH) and the same Ray?"


def _require_reachable(address: str) -> None:
    """Make sure that somebody listens, since Ray would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise WorkerError(
            f"no Ray cluster at {address}: {error.strerror or error}; start one with 'ray start --head', or leave "
            "--address out"
        ) from error
