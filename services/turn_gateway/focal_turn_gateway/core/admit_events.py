"""Admit what agents report: well-named, within size, and within what their tenant may report a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from focal_turn_gateway.core.event_budget import EventBudget
from focal_turn_gateway.domain import event_names
from focal_turn_gateway.domain.event_names import Refusal
from focal_turn_gateway.domain.events import AgentReported

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AdmitEvents:
    """`max_bytes` bounds a payload; `on_refused` is told tenant and reason of each event that is dropped."""

    budget: EventBudget
    max_bytes: int
    on_refused: Callable[[str, Refusal], None]

    def __call__(self, tenant_id: str, event: AgentReported) -> AgentReported | Refusal:
        """The event as it is to be stored, or why it is dropped. The fabric's own events do not come here."""
        admitted = event_names.reported(event, self.max_bytes)
        if isinstance(admitted, AgentReported):
            refusal = self.budget.take(tenant_id, custom=admitted.category == event_names.CUSTOM)
            admitted = refusal or admitted
        if isinstance(admitted, Refusal):
            self.on_refused(tenant_id, admitted)
        return admitted


def category_of(event: AgentReported) -> str:
    """The category an event is counted under when it is dropped, of which there are few."""
    return event.category if event.category in event_names.CATEGORIES else UNKNOWN
