"""Follow the events of all sessions of a tenant, from a place in its log on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from focal_service_kit import logging
from focal_turn_gateway import errors
from focal_turn_gateway.domain.event_log import EventChoice, LogPage, Position
from focal_turn_gateway.ports.events import EventLog

_log = logging.get("follow events")


@dataclass(frozen=True, slots=True)
class FollowEvents:
    """The log is all there is to follow: it is read again every `poll_s` seconds, `page` events at once.

    A reader that is slow makes the reading wait; nothing is held for it but the page that it takes.
    """

    log: EventLog
    poll_s: float
    page: int

    async def start(self, tenant_id: str, after: Position | None, *, oldest: bool) -> Position:
        """Where to begin: behind `after`; else at the oldest event that is kept, or at what comes next.

        Raises EventsRemoved, InvalidField for a place that is not in this log, StoreUnavailable.
        """
        if after is not None:
            await self.log.check(tenant_id, after)
            return after
        return Position(0, 0) if oldest else await self.log.end()

    async def __call__(
        self, tenant_id: str, after: Position, choice: EventChoice
    ) -> AsyncGenerator[LogPage, None]:
        """Pages that have something chosen or bring the reader on, until the caller leaves."""
        while True:
            try:
                page = await self.log.read(tenant_id, after, choice, self.page)
            except errors.StoreUnavailable:
                _log.warning("store away, following goes on", tenant=tenant_id)
                await asyncio.sleep(self.poll_s)
                continue
            if page.reached != after:
                yield page
                after = page.reached
            if not page.more:
                await asyncio.sleep(self.poll_s)
