"""Decisions of the tool policy as counters and a histogram."""

from __future__ import annotations

import prometheus_client as prometheus

from focal_service_kit.metrics import BUCKETS_S
from focal_toolbox.domain.tool_rules import Decision

NONE = "NONE"
"""No decision was to be had, so the call was refused."""


class PrometheusDecisions:
    """DecisionMeter on a process's registry."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._decisions = prometheus.Counter(
            "tool_policy_decisions",
            "Decisions about tool calls; NONE: there was none, so the call was refused",
            ["tenant", "decision"],
            registry=registry,
        )
        self._durations = prometheus.Histogram(
            "tool_policy_decision_duration_seconds",
            "Seconds per decision",
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._children: dict[tuple[str, str], prometheus.Counter] = {}

    def decided(self, tenant_id: str, decision: Decision | None, seconds: float) -> None:
        labels = (tenant_id, decision.value if decision else NONE)
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._decisions.labels(*labels)
        child.inc()
        self._durations.observe(seconds)
