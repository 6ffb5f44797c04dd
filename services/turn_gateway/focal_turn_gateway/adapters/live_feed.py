"""Live events and text for those who follow a session, in this process directly, in others over Valkey.

Between processes only text travels whole; for stored events a hint suffices, the follower reads the log.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from focal_kernel import ids
from focal_turn_gateway.adapters.pubsub import PubSub
from focal_turn_gateway.domain.events import StoredEvent, TextDelta
from focal_turn_gateway.ports.live import LiveItem

_PREFIX = "turns:live:"


class Subscription:
    """`ports.LiveSubscription`: a bounded queue; when it is full, items are dropped and the log must be
    read.
    """

    def __init__(self, size: int, offset: int) -> None:
        self.offset = offset
        self._items: asyncio.Queue[LiveItem | None] = asyncio.Queue(size)

    def offer(self, item: LiveItem | None) -> None:
        """Queue an item, or drop it: None means that the log has something new."""
        if not self._items.full():
            self._items.put_nowait(item)

    def missed(self) -> None:
        """Have the log read, unless the follower has something to look at anyway."""
        if self._items.empty():
            self.offer(None)

    async def next(self) -> LiveItem | None:
        """The next item; None when the log should be read."""
        return await self._items.get()


class ValkeyLiveFeed:
    """`ports.LiveFeed`. `buffer` is the number of items held for a slow follower."""

    def __init__(self, pubsub: PubSub, buffer: int) -> None:
        self._pubsub = pubsub
        self._buffer = buffer
        self._origin = ids.new_id("org")
        self._hint = json.dumps([self._origin]).encode()
        self._followers: dict[str, set[Subscription]] = defaultdict(set)

    def publish(self, session_id: str, items: Iterable[LiveItem]) -> None:
        """Tell followers here and elsewhere; never waits."""
        stored = False
        for item in items:
            for follower in self._followers.get(session_id, ()):
                follower.offer(item)
            if isinstance(item, StoredEvent):
                stored = True
            else:
                self._pubsub.publish(_PREFIX + session_id, self._encode(item))
        if stored:
            self._pubsub.publish(_PREFIX + session_id, self._hint)

    def hint(self, session_id: str) -> None:
        """Tell followers here and elsewhere to read the log."""
        for follower in self._followers.get(session_id, ()):
            follower.offer(None)
        self._pubsub.publish(_PREFIX + session_id, self._hint)

    @contextmanager
    def subscribe(self, session_id: str, offset: int) -> Iterator[Subscription]:
        """Follow a session from an offset on."""
        subscription = Subscription(self._buffer, offset)
        followers = self._followers[session_id]
        followers.add(subscription)
        channel = _PREFIX + session_id
        if len(followers) == 1:
            self._pubsub.subscribe(channel, lambda payload: self._received(session_id, payload))
        try:
            yield subscription
        finally:
            followers.discard(subscription)
            if not followers:
                self._followers.pop(session_id, None)
                self._pubsub.unsubscribe(channel)

    def followed(self) -> dict[str, int]:
        """Sessions followed here, with the offset of the follower that is furthest behind."""
        return {
            session_id: min(follower.offset for follower in followers)
            for session_id, followers in self._followers.items()
        }

    def missed(self, session_id: str) -> None:
        """Tell followers here to read the log."""
        for follower in self._followers.get(session_id, ()):
            follower.missed()

    def _encode(self, item: TextDelta) -> bytes:
        fields = (item.turn_id, item.attempt, item.sequence, item.text, item.restart)
        return json.dumps([self._origin, *fields]).encode()

    def _received(self, session_id: str, payload: bytes) -> None:
        try:
            origin, *text = json.loads(payload)
            item = TextDelta(*text) if text else None
        except (ValueError, TypeError):
            # Written by another release: whatever it says, the log says it too.
            origin, item = "", None
        if origin == self._origin:
            return
        for follower in self._followers.get(session_id, ()):
            follower.offer(item)
