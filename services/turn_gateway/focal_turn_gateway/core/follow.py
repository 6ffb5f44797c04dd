"""Follow a session: its stored events in order and without gaps, with live text in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from focal_turn_gateway.domain.events import (
    StoredEvent,
    TextDelta,
    TextReset,
    TurnStarted,
    TurnSuperseded,
)
from focal_turn_gateway.ports import LiveFeed, LiveSubscription, SessionReader

Followed = StoredEvent | TextDelta | TextReset


@dataclass(frozen=True, slots=True)
class Follow:
    """The log says what happened, the live feed only says it sooner; `poll_s` makes a lost hint good."""

    reader: SessionReader
    live: LiveFeed
    poll_s: float
    page: int

    async def __call__(self, session_id: str, after_offset: int) -> AsyncGenerator[Followed, None]:
        """Events behind `after_offset` as they are stored, and live text, until the caller leaves."""
        with self.live.subscribe(session_id) as subscription:
            follower = _Follower(after_offset)
            while True:
                async for event in self._stored(session_id, follower):
                    for item in follower.seen(event):
                        yield item
                async for item in follower.live(subscription, self.poll_s):
                    yield item

    async def _stored(self, session_id: str, follower: _Follower) -> AsyncIterator[StoredEvent]:
        while True:
            events = await self.reader.events(session_id, follower.offset, self.page)
            for event in events:
                yield event
            if len(events) < self.page:
                return


class _Follower:
    """Where one follower stands, and which live text is void for it."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._void: dict[str, int] = {}

    def seen(self, event: StoredEvent) -> list[Followed]:
        """The event, with the reset of live text that it implies."""
        self.offset = event.offset
        return [event, *self._resets(event)]

    async def live(self, subscription: LiveSubscription, poll_s: float) -> AsyncIterator[Followed]:
        """Live items for as long as they follow on one another; ends when the log must be read."""
        while (item := await subscription.next(poll_s)) is not None:
            if isinstance(item, TextDelta):
                if item.attempt > self._void.get(item.turn_id, 0):
                    yield item
            elif item.offset > self.offset + 1:
                return
            elif item.offset == self.offset + 1:
                for followed in self.seen(item):
                    yield followed

    def _resets(self, event: StoredEvent) -> list[TextReset]:
        if isinstance(event.body, TurnSuperseded):
            void = event.attempt
        elif isinstance(event.body, TurnStarted) and event.attempt > 1:
            void = event.attempt - 1
        else:
            return []
        self._void[event.turn_id] = void
        return [TextReset(event.turn_id, void)]
