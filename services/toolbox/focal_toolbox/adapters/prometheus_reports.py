"""Counters of results that are reported later."""

from __future__ import annotations

import prometheus_client as prometheus

from focal_toolbox.domain.effect import State

REFUSED = "REFUSED"
"""Outcome of a report whose token was not good for it."""


class PrometheusReportMeter:
    """ReportMeter on a process's registry."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._reports = prometheus.Counter(
            "tool_result_report", "Reports of late results", ["outcome"], registry=registry
        )
        self._dead = prometheus.Counter(
            "tool_result_dead_letter", "Reports from queues that were buried", ["reason"], registry=registry
        )
        self._unreported = prometheus.Counter(
            "tool_result_unreported", "Effects in doubt because nobody reported in time", registry=registry
        )
        self._waiting = prometheus.Gauge(
            "tool_follow_up_backlog",
            "Follow-up turns to be opened, over all toolboxes, as of the latest look",
            registry=registry,
        )
        self._dropped = prometheus.Counter(
            "tool_follow_up_dropped", "Follow-up turns given up: the session has ended", registry=registry
        )

    def reported(self, state: State | None) -> None:
        self._reports.labels(state.value if state else REFUSED).inc()

    def dead_letter(self, reason: str) -> None:
        self._dead.labels(reason).inc()

    def unreported(self, effects: int) -> None:
        self._unreported.inc(effects)

    def follow_ups(self, waiting: int) -> None:
        self._waiting.set(waiting)

    def follow_up_dropped(self) -> None:
        self._dropped.inc()
