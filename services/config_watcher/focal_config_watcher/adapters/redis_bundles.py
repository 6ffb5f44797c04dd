"""Bundles in Redis, under the keys that other readers of the design know:

`{tenant}:{agent}:cfg` holds the current version's number, `{tenant}:{agent}:v{N}:{part}` a part.
The current version's parts stay until something replaces them; superseded ones expire.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from focal_config_watcher.domain.version import PART_NAMES, AgentKey, Pointer
from focal_config_watcher.errors import CacheAway

CHANNEL = "cfg-updated"
_CHECKED_AT_ONCE = 200


def pointer_key(key: AgentKey) -> str:
    """Where the number of the current version is."""
    return f"{key.tenant_id}:{key.agent_id}:cfg"


def part_key(key: AgentKey, version: int, name: str) -> str:
    """Where one part of a version is."""
    return f"{key.tenant_id}:{key.agent_id}:v{version}:{name}"


class RedisBundles:
    """Implements `ports.BundleCache`; `superseded_ttl_s` is the life of old versions' parts."""

    def __init__(self, client: Redis, superseded_ttl_s: int) -> None:
        self._client = client
        self._ttl_s = superseded_ttl_s

    async def read(self, key: AgentKey, version: int, name: str) -> bytes | None:
        async with _answering():
            found = await self._client.get(part_key(key, version, name))
        return found if isinstance(found, bytes) else None

    async def refill(self, key: AgentKey, version: int, name: str, content: bytes) -> None:
        async with _answering():
            await self._client.set(part_key(key, version, name), content, ex=self._ttl_s)

    async def write(self, pointer: Pointer, parts: Mapping[str, bytes]) -> None:
        key, version = pointer.key, pointer.version
        async with _answering(), self._client.pipeline(transaction=True) as commands:
            commands.mset({part_key(key, version, name): parts[name] for name in parts})
            commands.set(pointer_key(key), version, get=True)
            *_, replaced = await commands.execute()
        if replaced is not None and replaced != str(version).encode():
            await self._let_expire(key, replaced.decode())

    async def announce(self, pointer: Pointer) -> None:
        message = {
            "tenant_id": pointer.key.tenant_id,
            "agent_id": pointer.key.agent_id,
            "version": pointer.version,
        }
        async with _answering():
            await self._client.publish(CHANNEL, json.dumps(message))

    async def stale(self, pointers: Sequence[Pointer]) -> list[Pointer]:
        found: list[Pointer] = []
        for start in range(0, len(pointers), _CHECKED_AT_ONCE):
            found += await self._stale(pointers[start : start + _CHECKED_AT_ONCE])
        return found

    async def _stale(self, pointers: Sequence[Pointer]) -> list[Pointer]:
        async with _answering(), self._client.pipeline(transaction=False) as commands:
            for pointer in pointers:
                commands.get(pointer_key(pointer.key))
                commands.exists(*self._part_keys(pointer.key, pointer.version))
            answers = await commands.execute()
        return [
            pointer
            for pointer, cached, parts in zip(pointers, answers[::2], answers[1::2], strict=True)
            if cached != str(pointer.version).encode() or parts != len(PART_NAMES)
        ]

    async def _let_expire(self, key: AgentKey, version: str) -> None:
        async with _answering(), self._client.pipeline(transaction=False) as commands:
            for name in self._part_keys(key, version):
                commands.expire(name, self._ttl_s)
            await commands.execute()

    @staticmethod
    def _part_keys(key: AgentKey, version: int | str) -> list[str]:
        return [f"{key.tenant_id}:{key.agent_id}:v{version}:{name}" for name in PART_NAMES]


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except RedisError as error:
        raise CacheAway(repr(error)) from error
