"""The toolbox's counters, with their label children kept. The tenant is the only high label."""

from __future__ import annotations

from typing import TypeVar

import prometheus_client as prometheus

from focal_service_kit.metrics import BUCKETS_S
from focal_toolbox.domain.doubt import Finding
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Status

L = TypeVar("L", bound=tuple[str, ...])
M = TypeVar("M", prometheus.Counter, prometheus.Histogram)

UNKNOWN = "UNKNOWN"
"""Policy of a call whose tool does not exist."""


class PrometheusMeter:
    """Meter on a process's registry."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._executions = prometheus.Counter(
            "tool_execution", "Tool calls that ended", ["tenant", "policy", "outcome"], registry=registry
        )
        self._durations = prometheus.Histogram(
            "tool_execution_duration_seconds",
            "Seconds per tool call, provider included",
            ["policy", "outcome"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._side_effects = prometheus.Counter(
            "tool_side_effect",
            "Effects that were reserved here and ended",
            ["tenant", "policy", "outcome"],
            registry=registry,
        )
        self._orphans = prometheus.Counter(
            "tool_effect_orphaned", "Effects in doubt because their process was lost", registry=registry
        )
        self._checks = prometheus.Counter(
            "tool_effect_check",
            "Questions about effects in doubt that ended",
            ["tenant", "finding"],
            registry=registry,
        )
        self._timed: dict[tuple[str, str], prometheus.Histogram] = {}
        self._executed: dict[tuple[str, str, str], prometheus.Counter] = {}
        self._effected: dict[tuple[str, str, str], prometheus.Counter] = {}
        self._checked: dict[tuple[str, str], prometheus.Counter] = {}

    def executed(self, tenant_id: str, policy: Policy | None, status: Status, seconds: float) -> None:
        name = policy.value if policy else UNKNOWN
        _child(self._executed, self._executions, (tenant_id, name, status.value)).inc()
        _child(self._timed, self._durations, (name, status.value)).observe(seconds)

    def side_effect(self, tenant_id: str, policy: Policy, state: State) -> None:
        _child(self._effected, self._side_effects, (tenant_id, policy.value, state.value)).inc()

    def orphaned(self, effects: int) -> None:
        self._orphans.inc(effects)

    def checked(self, tenant_id: str, finding: Finding) -> None:
        _child(self._checked, self._checks, (tenant_id, finding.value)).inc()


def _child(known: dict[L, M], metric: M, labels: L) -> M:
    child = known.get(labels)
    if child is None:
        child = known[labels] = metric.labels(*labels)
    return child
