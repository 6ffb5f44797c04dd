"""How customers stand, as keys in Valkey that the script of `rate_windows` reads.

`abuse:blocked:{tenant}:{customer}` and `abuse:restricted:{tenant}:{customer}` expire by themselves, at the
latest when the table is to have been read again. `abuse:changes` counts changes: what was read before one is
not written behind it, so a rebuild cannot bring back what was just lifted. `abuse:written` says that all has
been written lately; a flush takes it away with the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import redis.asyncio
from redis.exceptions import RedisError

from focal_turn_gateway import errors
from focal_turn_gateway.domain.abuse import Standing

CHANGES, WRITTEN = "abuse:changes", "abuse:written"
# Of several entries about one customer the one that holds longest counts.
_WRITE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
for place = 2, #KEYS do
  local ms = tonumber(ARGV[place])
  if ms == 0 then
    redis.call('DEL', KEYS[place])
  elseif redis.call('PTTL', KEYS[place]) < ms then
    redis.call('SET', KEYS[place], '1', 'PX', ms)
  end
end
return 1
"""
Answer = TypeVar("Answer")


def blocked_key(tenant_id: str, customer_hash: str) -> str:
    """Exists while a customer is blocked."""
    return f"abuse:blocked:{tenant_id}:{customer_hash}"


def restricted_key(tenant_id: str, customer_hash: str) -> str:
    """Exists while a customer is restricted."""
    return f"abuse:restricted:{tenant_id}:{customer_hash}"


class ValkeyStandings:
    """`ports.abuse.StandingCache`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._write = client.register_script(_WRITE)

    async def fresh(self, for_s: float) -> bool:
        """Whether all has been written lately, or is being written."""
        return not await _answer(self._client.set(WRITTEN, "1", nx=True, px=int(for_s * 1000)))

    async def stale(self) -> None:
        """Let somebody write all soon."""
        await _answer(self._client.delete(WRITTEN))

    async def changing(self) -> bytes:
        """Announce a change."""
        return str(await _answer(self._client.incr(CHANGES))).encode()

    async def version(self) -> bytes:
        """How many changes there were."""
        counted: bytes | str | None = await _answer(self._client.get(CHANGES))
        return counted if isinstance(counted, bytes) else b""

    async def write(self, standings: Sequence[Standing], version: bytes, *, replace: bool) -> bool:
        """Keep standings unless something changed since `version`."""
        keys, spans = [CHANGES], list[Any]([version])
        for each in standings:
            named = {blocked_key: each.blocked_s, restricted_key: each.restricted_s}
            for key, seconds in named.items():
                if seconds > 0 or replace:
                    keys.append(key(each.tenant_id, each.customer_hash))
                    spans.append(max(0, int(seconds * 1000)))
        return bool(await _answer(self._write(keys, spans)))


async def _answer(asked: Awaitable[Answer]) -> Answer:
    try:
        return await asked
    except (RedisError, OSError) as error:
        raise errors.CacheAway from error
