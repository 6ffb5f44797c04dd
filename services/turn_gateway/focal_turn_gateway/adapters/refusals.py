"""Counts the messages that limits turn away.

A refusal is a figure and not a stored event: who floods must not be able to make the gateway write.
"""

from __future__ import annotations

import prometheus_client as prometheus


class RefusalCounter:
    """`ports.Refusals` as a metric by tenant and reason."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._counter = prometheus.Counter(
            "focal_gateway_refused_messages",
            "Messages refused by a limit",
            ("tenant", "reason"),
            registry=registry,
        )

    def count(self, tenant_id: str, reason: str) -> None:
        """Note one refused message."""
        self._counter.labels(tenant_id, reason).inc()
