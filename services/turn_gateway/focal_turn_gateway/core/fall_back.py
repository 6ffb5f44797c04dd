"""What a reply that failed on its channel would look like on the ones below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from focal_turn_gateway.core import owed_parts
from focal_turn_gateway.core.reply_format import ReplyFormat, shown
from focal_turn_gateway.domain import fallback
from focal_turn_gateway.domain.callbacks import Callbacks
from focal_turn_gateway.domain.fallback import Rung
from focal_turn_gateway.ports.delivery import FailedPart, FallbackRung
from focal_turn_gateway.ports.turns import OutboxRow


@dataclass(frozen=True, slots=True)
class FallBack:
    """At most `max_steps` channels after the first; `per_day` has the parts a tenant may send on a channel in
    24 hours, none named means no limit. `callbacks` take the parts of their channels.
    """

    reply_format: ReplyFormat
    max_steps: int
    per_day: Mapping[str, int]
    callbacks: Callbacks

    async def rungs(self, tenant_id: str, part: FailedPart) -> list[FallbackRung]:
        """The whole segment, formatted for each channel on which it may be sent. Raises StoreUnavailable."""
        registry = self.reply_format.policies.registry
        found = fallback.rungs(registry, part.channel, part.tried, self.max_steps)
        return [
            FallbackRung(
                rung.channel,
                rung.refusal,
                self.per_day.get(rung.channel, 0),
                await self._rows(tenant_id, part, rung) if rung.refusal is None else [],
            )
            for rung in found
        ]

    async def _rows(self, tenant_id: str, part: FailedPart, rung: Rung) -> list[OutboxRow]:
        formatted = await self.reply_format.segment(tenant_id, part.agent_id, rung.channel, part.segment)
        rows = []
        for each in formatted.parts:
            # A channel is tried once under a turn, so its name makes the key another one.
            dedupe_key = f"{part.turn_id}:{each.segment}:{each.index}:{rung.channel}"
            payload = {
                **part.payload,
                **shown(each, formatted.policy),
                "dedupe_key": dedupe_key,
                "channel": rung.channel,
                "fallback_from": list(rung.tried),
            }
            rows.append(owed_parts.row(self.callbacks, tenant_id, payload))
        return rows
