"""Counters of what is held back. Tenants' tools name the hosts, so only so many of those get a label."""

from __future__ import annotations

from collections.abc import Callable

import prometheus_client as prometheus

from focal_toolbox.domain.circuit import Position

HOSTS_LABELLED = 100
OTHERS = "others"
"""Label of the hosts beyond that."""

_BUCKETS_S = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class PrometheusLimits:
    """`ports.limits.LimitMeter` on a process's registry; `taken` and `waiting` tell how many calls do."""

    def __init__(
        self, registry: prometheus.CollectorRegistry, taken: Callable[[], int], waiting: Callable[[], int]
    ) -> None:
        self._hosts: set[str] = set()
        self._held_back = prometheus.Counter(
            "tool_calls_held_back", "Tool calls refused for a limit", ["tenant", "reason"], registry=registry
        )
        self._waits = prometheus.Histogram(
            "tool_place_wait_seconds",
            "Seconds that tool calls waited for a place",
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._changes = prometheus.Counter(
            "tool_circuit_changes", "Changes of circuits, by host", ["host", "position"], registry=registry
        )
        under_way = prometheus.Gauge(
            "tool_calls_under_way", "Tool calls that hold a place", registry=registry
        )
        under_way.set_function(taken)
        queued = prometheus.Gauge("tool_calls_waiting", "Tool calls that wait for a place", registry=registry)
        queued.set_function(waiting)

    def held_back(self, tenant_id: str, reason: str) -> None:
        self._held_back.labels(tenant_id, reason).inc()

    def waited(self, seconds: float) -> None:
        self._waits.observe(seconds)

    def circuit(self, host: str, position: Position) -> None:
        self._changes.labels(self._label(host), position.value).inc()

    def _label(self, host: str) -> str:
        if host not in self._hosts and len(self._hosts) >= HOSTS_LABELLED:
            return OTHERS
        self._hosts.add(host)
        return host
