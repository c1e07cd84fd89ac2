"""A Ray cluster of several nodes on this machine, each with processes of its own, for the tests that kill some."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.bulk.processes import descendants

KEY = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
"""What whoever joins the cluster needs in its environment."""
_PATIENCE = {"RAY_raylet_start_wait_time_s": "300", "RAY_health_check_period_ms": "1000"}
_RAY = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
_STARTED = "will now block"


class Node:
    """One node: `ray start` in the foreground, in a session of its own."""

    def __init__(self, *options: str) -> None:
        command = [*_RAY, "start", "--block", "--object-store-memory=80000000", *options]
        self._process = subprocess.Popen(
            command,
            env=os.environ | KEY | _PATIENCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_until_started(self) -> None:
        """Wait until the node is a part of the cluster."""
        assert self._process.stdout is not None, "piped"
        lines = []
        for line in self._process.stdout:
            lines.append(line)
            if _STARTED in line:
                return
        raise RuntimeError(f"a Ray node did not start: {''.join(lines)}")

    def kill(self) -> None:
        """Kill the node and everything that it has started, as a power cut would."""
        for process_id in (self._process.pid, *descendants(self._process.pid)):
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        with self._process:
            pass


@contextmanager
def cluster(num_nodes: int) -> Iterator[tuple[str, list[Node]]]:
    """Start a head without cores and so many nodes of one core each: its address, and the nodes."""
    from ray.util import get_node_ip_address

    port = _free_port()
    address = f"{get_node_ip_address()}:{port}"
    nodes: list[Node] = []
    # Ray puts sockets there, whose names may not be long.
    with tempfile.TemporaryDirectory(prefix="nb", ignore_cleanup_errors=True) as folder:
        head = Node(
            "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={folder}"
        )  # fmt: skip
        try:
            head.wait_until_started()
            for _ in range(num_nodes):  # one by one: two that start at once take each other's ports
                nodes.append(Node(f"--address={address}", "--num-cpus=1"))
                nodes[-1].wait_until_started()
            yield address, nodes
        finally:
            for node in (*nodes, head):
                node.kill()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
