"""Follow a session: its stored events in order and without gaps, with live text in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from focal_service_kit import logging
from focal_turn_gateway import errors
from focal_turn_gateway.domain.events import (
    StoredEvent,
    SupersedeDecided,
    TextDelta,
    TextReset,
    TurnCancelled,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    TurnSuperseded,
)
from focal_turn_gateway.ports.live import LiveFeed, LiveItem, LiveSubscription
from focal_turn_gateway.ports.sessions import SessionReader

Followed = StoredEvent | TextDelta | TextReset

_VOID_TURNS = 32
"""Turns whose late text is still told apart; turns of a session end one after the other."""

_log = logging.get("follow")


@dataclass(frozen=True, slots=True)
class Follow:
    """The log says what happened, the live feed only says it sooner; `CatchUp` makes a lost hint good.

    `poll_s` is the pause in seconds between looks at a store that is away.
    """

    reader: SessionReader
    live: LiveFeed
    poll_s: float
    page: int

    async def check(self, session_id: str, after_offset: int) -> None:
        """Raise EventsRemoved when events behind `after_offset` are past their retention; 0 asks for what is
        kept, whatever that is.
        """
        if after_offset and after_offset + 1 < (first := await self.reader.first_offset(session_id)):
            raise errors.EventsRemoved(first)

    async def __call__(self, session_id: str, after_offset: int) -> AsyncGenerator[Followed, None]:
        """Events behind `after_offset` as they are stored, and live text, until the caller leaves.

        A store that is away is waited for: what is stored then follows without a gap.
        """
        follower = _Follower(after_offset)
        with self.live.subscribe(session_id, after_offset) as subscription:
            while True:
                events = await self._stored(session_id, follower.offset)
                for event in events:
                    for item in follower.stored(event):
                        yield item
                subscription.offset = follower.offset
                if len(events) < self.page:
                    while (live := await self._live(subscription, follower)) is not None:
                        for item in live:
                            yield item

    async def _stored(self, session_id: str, offset: int) -> list[StoredEvent]:
        while True:
            try:
                return await self.reader.events(session_id, offset, self.page)
            except errors.StoreUnavailable:
                _log.warning("store away, following goes on", session=session_id)
                await asyncio.sleep(self.poll_s)

    async def _live(self, subscription: LiveSubscription, follower: _Follower) -> list[Followed] | None:
        """What the next live item comes to; None when the log must be read."""
        item = await subscription.next()
        live = None if item is None else follower.live(item)
        subscription.offset = follower.offset
        return live


class _Follower:
    """Where one follower stands, and which live text is void for it."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._valid: dict[str, tuple[int, int]] = {}
        """By turn: the first attempt and restart whose text is not void."""

    def stored(self, event: StoredEvent) -> list[Followed]:
        """The next event, with the reset of live text that it implies."""
        self.offset = event.offset
        match event.body:
            case TurnCompleted() | TurnFailed():
                self._void_up_to(event.turn_id, event.attempt)
            case TurnSuperseded() | TurnCancelled():
                self._void_up_to(event.turn_id, event.attempt)
                return [event, TextReset(event.turn_id, event.attempt)]
            case TurnStarted() if event.attempt > 1:
                self._void_up_to(event.turn_id, event.attempt - 1)
                return [event, TextReset(event.turn_id, event.attempt - 1)]
            case SupersedeDecided(restart=restart) if restart:
                return [event, *self._restarted(event.turn_id, event.attempt, restart)]
        return [event]

    def live(self, item: LiveItem) -> list[Followed] | None:
        """The item if it comes next, nothing if it is void or known, None if events before it are missing."""
        if isinstance(item, TextDelta):
            if (item.attempt, item.restart) < self._valid.get(item.turn_id, (0, 0)):
                return []
            # Text may overtake the decision that it follows; the reset must not come behind it.
            return [*self._restarted(item.turn_id, item.attempt, item.restart), item]
        if item.offset > self.offset + 1:
            return None
        return self.stored(item) if item.offset == self.offset + 1 else []

    def _restarted(self, turn_id: str, attempt: int, restart: int) -> list[Followed]:
        """The reset that a restart of an attempt implies, once."""
        if restart == 0 or (attempt, restart) <= self._valid.get(turn_id, (0, 0)):
            return []
        self._mark(turn_id, (attempt, restart))
        return [TextReset(turn_id, attempt, restart)]

    def _void_up_to(self, turn_id: str, attempt: int) -> None:
        self._mark(turn_id, (attempt + 1, 0))

    def _mark(self, turn_id: str, first_valid: tuple[int, int]) -> None:
        self._valid.pop(turn_id, None)
        self._valid[turn_id] = first_valid
        if len(self._valid) > _VOID_TURNS:
            del self._valid[next(iter(self._valid))]
