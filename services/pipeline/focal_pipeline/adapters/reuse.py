"""How often artifacts are reused, for Prometheus."""

from __future__ import annotations

import prometheus_client as prometheus

from focal_pipeline.ports import Verdict


class PrometheusReuse:
    """`ports.ReuseCounts` as `focal_pipeline_artifacts_total` by phase and outcome."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._counter = prometheus.Counter(
            "focal_pipeline_artifacts",
            "Artifacts that were there when a phase began, by what came of them",
            ("phase", "outcome"),
            registry=registry,
        )
        self._children: dict[tuple[str, Verdict], prometheus.Counter] = {}

    def count(self, phase: str, verdict: Verdict) -> None:
        """One more of a phase."""
        child = self._children.get((phase, verdict))
        if child is None:
            child = self._children[phase, verdict] = self._counter.labels(phase, verdict.value)
        child.inc()
