"""Hold something against a customer, or let it in again."""

from __future__ import annotations

from dataclasses import dataclass

from focal_kernel import canonical_json
from focal_service_kit import logging
from focal_turn_gateway.core.standings import Standings
from focal_turn_gateway.domain.abuse import Abuse, Finding, Level
from focal_turn_gateway.domain.error_policy import Target
from focal_turn_gateway.domain.events import AgentReported, Event
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.abuse import AbuseRecords
from focal_turn_gateway.ports.live import LiveFeed

_log = logging.get("abuse")


@dataclass(frozen=True, slots=True)
class AbuseDesk:
    """`target` is who is told when a customer is blocked for good."""

    records: AbuseRecords
    standings: Standings
    live: LiveFeed
    target: Target

    async def note(self, tenant_id: str, finding: Finding, request: Request) -> Abuse | None:
        """Store a finding and let it count at once; None when a detector's is no graver than what holds.
        Raises CustomerNotFound, RequestIdReused, StoreUnavailable.
        """
        grave = finding.level is Level.CRITICAL
        further = [self._escalation(finding)] if grave else []
        noted = await self.records.note(tenant_id, finding, request, further)
        if noted is None:
            return None
        await self._told(tenant_id, finding.customer_id, noted.session_id)
        if noted.fresh:
            log = _log.error if grave else _log.warning
            log(
                "abuse",
                tenant=tenant_id,
                abuse=noted.abuse.abuse_id,
                gravity=finding.level.value,
                cause=finding.cause.value,
                escalated=self.target.value if grave else "",
            )
        return noted.abuse

    async def lift(
        self, tenant_id: str, customer_id: str, by: str, reason: str, request: Request
    ) -> tuple[Abuse, ...]:
        """End all that holds; the entries that this ended. Raises CustomerNotFound, RequestIdReused,
        StoreUnavailable.
        """
        lifted = await self.records.lift(tenant_id, customer_id, by, reason, request)
        await self._told(tenant_id, customer_id, lifted.session_id)
        return lifted.entries

    async def _told(self, tenant_id: str, customer_id: str, session_id: str) -> None:
        await self.standings.changed(tenant_id, customer_id)
        if session_id:
            self.live.hint(session_id)

    def _escalation(self, finding: Finding) -> Event:
        reason = (
            f"customer {finding.customer_id} is blocked for good: {finding.reason or finding.cause.value}"
        )
        payload = canonical_json.dumps({"reason": reason, "target": self.target.value})
        return Event(AgentReported("infra", "error.escalated", payload, "ERROR", "1.0"))
