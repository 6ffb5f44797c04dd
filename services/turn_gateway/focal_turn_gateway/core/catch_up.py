"""Make lost hints good, for all followers of this process together.

An idle follower is one row of one query here. Thousands that each looked for themselves would keep the
database busy with nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice

from focal_service_kit import logging
from focal_turn_gateway import errors
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.sessions import SessionReader

_log = logging.get("catch up")


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Asks every `poll_s` seconds which followed sessions have gone on, `page` sessions a query."""

    reader: SessionReader
    live: LiveFeed
    poll_s: float
    page: int

    async def run(self) -> None:
        """Look until cancelled; a store that is away is asked again."""
        while True:
            await asyncio.sleep(self.poll_s)
            try:
                await self._look()
            except errors.StoreUnavailable:
                _log.warning("store away, followers wait")

    async def _look(self) -> None:
        followed = iter(self.live.followed().items())
        while some := dict(islice(followed, self.page)):
            for session_id in await self.reader.ahead(some):
                self.live.missed(session_id)
