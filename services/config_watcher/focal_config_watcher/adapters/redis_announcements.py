"""The channel `cfg-updated`, on which replicas announce moved pointers."""

import asyncio
import json
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.exceptions import RedisError

from focal_config_watcher.adapters.redis_bundles import CHANNEL
from focal_config_watcher.domain.version import AgentKey
from focal_kernel import ids
from focal_kernel.errors import InvalidArgument
from focal_service_kit import logging

_LISTEN_S = 1.0
_RECONNECT_S = 0.5

_log = logging.get("announcements")


class RedisAnnouncements:
    """Implements `ports.Announcements`."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def listen(self) -> AsyncIterator[AgentKey]:
        while True:
            try:
                async for key in self._subscribed():
                    yield key
            except RedisError as error:
                _log.debug("announcements are away", error=repr(error))
                await asyncio.sleep(_RECONNECT_S)

    async def _subscribed(self) -> AsyncIterator[AgentKey]:
        async with self._client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            while True:
                message = await channel.get_message(timeout=_LISTEN_S)
                if message is not None and (key := _key(message["data"])):
                    yield key


def _key(data: bytes) -> AgentKey | None:
    """The agent that a message names; anybody can write there, so anything may stand in it."""
    try:
        message = json.loads(data)
        return AgentKey(
            ids.check_id(message["tenant_id"], "tenant_id"),
            ids.check_id(message["agent_id"], "agent_id"),
        )
    except (ValueError, LookupError, TypeError, InvalidArgument):
        _log.warning("announcement is not understood")
        return None
