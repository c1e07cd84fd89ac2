"""What the server counts, for Prometheus."""

import os
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes add up; set by `serve` before this module is imported, and read by prometheus_client."""
_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "nobodies_requests", "Answers by route and status.", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "nobodies_request_seconds",
            "Time to the start of the answer.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.faces = Counter("nobodies_new_faces", "New faces handed out.", ("source",), registry=self.registry)
        self.refused = Counter(
            "nobodies_refused_faces", "New faces that may not leave, and why.", ("reason",), registry=self.registry
        )
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. Routes are templates, never addresses: nothing of a visitor is kept."""
        children = self._children.get((route, status))
        if children is None:
            children = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._children[route, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number that is read when it is asked for. In a group of processes each shows its own sum."""
        if _in_group():
            return
        Gauge(name, text, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Write everything in Prometheus' text format."""
        if not _in_group():
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _in_group() -> bool:
    return SHARED_FOLDER in os.environ
