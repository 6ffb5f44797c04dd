"""The metric of reported events that were not stored."""

from __future__ import annotations

import prometheus_client as prometheus

from focal_turn_gateway.domain.event_names import Refusal


class EventMeter:
    """Counts by tenant and reason."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._dropped = prometheus.Counter(
            "focal_events_dropped_total",
            "Events that agents reported and that were not stored",
            ("tenant", "reason"),
            registry=registry,
        )

    def refused(self, tenant_id: str, reason: Refusal) -> None:
        """Note one dropped event."""
        self._dropped.labels(tenant_id, reason.value).inc()
