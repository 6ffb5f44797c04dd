"""The scenarios of a session on top of one another: one runs, those that it was put before are paused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from focal_pipeline.domain.session import ScenarioInstance, ScenarioStatus


def runs(instances: Iterable[ScenarioInstance]) -> bool:
    """Whether one of them runs."""
    return any(instance.status is ScenarioStatus.ACTIVE for instance in instances)


def paused(instance: ScenarioInstance) -> ScenarioInstance:
    """The instance behind another one that starts."""
    active = instance.status is ScenarioStatus.ACTIVE
    return replace(instance, status=ScenarioStatus.PAUSED) if active else instance


def resumed(instances: Sequence[ScenarioInstance]) -> list[ScenarioInstance]:
    """When none runs, the latest paused one does again, and moves to the end."""
    waiting = [i for i in instances if i.status is ScenarioStatus.PAUSED]
    if not waiting or runs(instances):
        return list(instances)
    latest = waiting[-1]
    return [*(i for i in instances if i is not latest), replace(latest, status=ScenarioStatus.ACTIVE)]
