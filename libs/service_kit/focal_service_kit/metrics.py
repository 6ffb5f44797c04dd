"""Counts and times of RPCs, and the page Prometheus reads.

Label children are kept in dictionaries, because looking them up by label costs more than counting.
Labels are methods, codes and peers; never a session or a user.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import prometheus_client as prometheus

from focal_service_kit import addresses, rpc, settings

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Durations:
    """A histogram of seconds by (name, code), with its label children cached."""

    def __init__(self, name: str, meaning: str, label: str, registry: prometheus.CollectorRegistry) -> None:
        self._histogram = prometheus.Histogram(
            name, meaning, (label, "code"), buckets=BUCKETS_S, registry=registry
        )
        self._children: dict[tuple[str, grpc.StatusCode], prometheus.Histogram] = {}

    def observe(self, name: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count one call that took `seconds`."""
        child = self._children.get((name, code))
        if child is None:
            child = self._histogram.labels(name, code.name)
            self._children[name, code] = child
        child.observe(seconds)


class ServerCalls:
    """The layer that counts calls served, and those in flight."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._served = Durations("focal_rpc_server_seconds", "Seconds per RPC served", "method", registry)
        self._in_flight = prometheus.Gauge("focal_rpc_in_flight", "RPCs being served", registry=registry)

    def enter(self, call: rpc.Rpc) -> None:
        self._in_flight.inc()

    def leave(self, call: rpc.Rpc) -> None:
        self._in_flight.dec()
        self._served.observe(call.method, call.code, call.elapsed_s())


def registry() -> prometheus.CollectorRegistry:
    """A registry of its own per process host, with memory, CPU and garbage collection in it."""
    fresh = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(registry=fresh)
    prometheus.GCCollector(registry=fresh)
    return fresh


@contextmanager
def page(chosen: settings.MetricsSettings, source: prometheus.CollectorRegistry) -> Iterator[int | None]:
    """Serve `/metrics` while inside; yields the bound port, None when switched off."""
    if not chosen.listen:
        yield None
        return
    host, port = addresses.split(chosen.listen)
    server, thread = prometheus.start_http_server(port, host, source)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
