"""Publish and subscribe on Valkey: what goes through here may be lost, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import redis.asyncio
from redis.exceptions import RedisError

from focal_service_kit import logging, tasks

_QUEUED = 10_000
"""Publications held while Valkey is slow; further ones are dropped, since followers read the log anyway."""
_BATCH = 100
_RECONNECT_S = 0.5
_READ_S = 5.0
"""Seconds a quiet connection is read at once; without it the client's command timeout would end the read."""

_log = logging.get("pubsub")


class PubSub:
    """One connection to publish in batches, one to receive; channels are added and removed while it runs."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._outgoing: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_QUEUED)
        self._receivers: dict[str, Callable[[bytes], None]] = {}
        self._changed = asyncio.Event()

    def publish(self, channel: str, payload: bytes) -> None:
        """Send soon, or drop when the queue is full."""
        if not self._outgoing.full():
            self._outgoing.put_nowait((channel, payload))

    def subscribe(self, channel: str, receive: Callable[[bytes], None]) -> None:
        """Call `receive` with each payload on `channel`; one receiver per channel."""
        self._receivers[channel] = receive
        self._changed.set()

    def unsubscribe(self, channel: str) -> None:
        """Stop receiving."""
        self._receivers.pop(channel, None)
        self._changed.set()

    async def run(self) -> None:
        """Send and receive until cancelled, over as many connections as it takes."""
        await tasks.together(publish=self._forever(self._send), subscribe=self._forever(self._receive))

    async def _forever(self, once: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await once()
            except (RedisError, OSError) as error:
                _log.warning("valkey away", cause=type(error).__name__)
                await asyncio.sleep(_RECONNECT_S)

    async def _send(self) -> None:
        while True:
            batch = [await self._outgoing.get()]
            while len(batch) < _BATCH and not self._outgoing.empty():
                batch.append(self._outgoing.get_nowait())
            pipeline = self._client.pipeline(transaction=False)
            for channel, payload in batch:
                pipeline.publish(channel, payload)
            await pipeline.execute()

    async def _receive(self) -> None:
        """Read and keep the subscriptions as wanted over one connection, until it fails."""
        async with self._client.pubsub(ignore_subscribe_messages=True) as connection:
            await connection.connect()
            await tasks.together(keep=self._keep_subscribed(connection), read=self._read(connection))

    async def _keep_subscribed(self, connection: redis.asyncio.client.PubSub) -> None:
        subscribed: set[str] = set()
        while True:
            self._changed.clear()
            wanted = set(self._receivers)
            if added := wanted - subscribed:
                await connection.subscribe(*added)
            if removed := subscribed - wanted:
                await connection.unsubscribe(*removed)
            subscribed = wanted
            await self._changed.wait()

    async def _read(self, connection: redis.asyncio.client.PubSub) -> None:
        while True:
            message = await connection.get_message(timeout=_READ_S)
            if message is None:
                continue
            receive = self._receivers.get(message["channel"].decode())
            if receive is not None:
                receive(message["data"])
