"""Dead letters of the router's streams: Valkey streams `events.dlq.{tenant}.{channel}`, and a set of a
tenant's channels that have had any.

A dead letter holds what is known of it beside the entry's own fields, whose names get a prefix, so that it
can be put back byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.domain.routed import DeadLetter

_ORIGINAL = b"entry."
_DETAIL_CHARS = 500
_ID = re.compile(r"(.{1,64})_(\d{1,20}-\d{1,20})", re.DOTALL)
_PUT_BACK, _DROP = "put back", "drop"

# The answer to a request id is kept beside the change, so that a repeat finds it.
_REPEATED = """
local known = redis.call('HMGET', KEYS[1], 'asked', 'answer')
if known[1] then
  if known[1] ~= ARGV[1] then return {'reused', ''} end
  return {'done', known[2]}
end
local found = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])[1]
if not found then return {'missing', ''} end
local answer = ARGV[2]
"""
_KEEP = """
redis.call('XDEL', KEYS[2], ARGV[2])
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'asked', ARGV[1], 'answer', answer)
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return {'done', answer}
"""
_DROP_SCRIPT = _REPEATED + _KEEP
_PUT_BACK_SCRIPT = (
    _REPEATED
    + """
local entry = {}
for at = 1, #found[2], 2 do
  local name = found[2][at]
  if name:sub(1, 6) == 'entry.' and name ~= 'entry.origin' then
    entry[#entry + 1] = name:sub(7)
    entry[#entry + 1] = found[2][at + 1]
  elseif name == 'origin' then
    entry[#entry + 1] = name
    entry[#entry + 1] = found[2][at + 1]
  end
end
answer = redis.call('XADD', KEYS[3], '*', unpack(entry))
"""
    + _KEEP
)


def stream(tenant_id: str, channel: str) -> str:
    """Where the dead letters of a channel are."""
    return f"events.dlq.{tenant_id}.{channel}"


def index(tenant_id: str) -> str:
    """The set of a tenant's channels that have had dead letters."""
    return f"events.dlq.{tenant_id}"


def fields(origin: str, reason: str, detail: str, original: Sequence[bytes]) -> list[str | bytes]:
    """Names and values of a dead letter for an entry with the names and values `original`."""
    about: list[str | bytes] = ["reason", reason, "detail", detail[:_DETAIL_CHARS], "origin", origin]
    kept = [_ORIGINAL + part if at % 2 == 0 else part for at, part in enumerate(original)]
    return [*about, *kept]


class ValkeyDeadLetters:
    """`ports.DeadLetters`; `repeat_s` is how long answers to request ids are kept, in seconds."""

    def __init__(self, client: redis.asyncio.Redis, *, repeat_s: int) -> None:
        self._client = client
        self._repeat_s = repeat_s
        self._scripts = {
            _PUT_BACK: client.register_script(_PUT_BACK_SCRIPT),
            _DROP: client.register_script(_DROP_SCRIPT),
        }

    async def page(self, tenant_id: str, channel: str, before: str, limit: int) -> list[DeadLetter]:
        """Dead letters by age over all channels; those of one millisecond by channel."""
        start = _place(before) if before else None
        found: list[DeadLetter] = []
        with _translated():
            for each in [channel] if channel else await self._channels(tenant_id):
                upper = "+" if start is None else _upper(each, *start)
                entries: Any = await self._client.xrevrange(stream(tenant_id, each), max=upper, count=limit)
                found += [_dead_letter(each, entry_id.decode(), values) for entry_id, values in entries]
        return sorted(found, key=_order, reverse=True)[:limit]

    async def put_back(self, tenant_id: str, dead_letter_id: str, request_id: str) -> str:
        """Move it to the end of its stream."""
        return await self._change(_PUT_BACK, tenant_id, dead_letter_id, request_id)

    async def drop(self, tenant_id: str, dead_letter_id: str, request_id: str) -> None:
        """Delete it."""
        await self._change(_DROP, tenant_id, dead_letter_id, request_id)

    async def _change(self, change: str, tenant_id: str, dead_letter_id: str, request_id: str) -> str:
        channel, entry_id = _place(dead_letter_id)
        with _translated():
            outcome: Any = await self._scripts[change](
                keys=[
                    f"dlq:request:{tenant_id}:{ids.digest(request_id)}",
                    stream(tenant_id, channel),
                    f"events.routed.{tenant_id}.{channel}",
                ],
                args=[f"{change} {dead_letter_id}", entry_id, self._repeat_s, int(bool(request_id))],
            )
        match outcome[0]:
            case b"reused":
                raise errors.RequestIdReused
            case b"missing":
                raise errors.DeadLetterNotFound(dead_letter_id)
        return str(outcome[1].decode())

    async def _channels(self, tenant_id: str) -> list[str]:
        members: Any = await self._client.smembers(index(tenant_id))
        return sorted(member.decode() for member in members)


def _place(dead_letter_id: str) -> tuple[str, str]:
    found = _ID.fullmatch(dead_letter_id)
    if found is None:
        raise errors.DeadLetterNotFound(dead_letter_id[:64])
    return found[1], found[2]


def _upper(channel: str, start_channel: str, start_id: str) -> str:
    return start_id if channel < start_channel else f"({start_id}"


def _order(letter: DeadLetter) -> tuple[int, int, str]:
    millis, _, count = letter.entry_id.partition("-")
    return int(millis), int(count), letter.channel


def _dead_letter(channel: str, entry_id: str, values: dict[bytes, bytes]) -> DeadLetter:
    def text(name: bytes) -> str:
        return values.get(name, b"").decode(errors="replace")

    buried_at = datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC)
    envelope = text(_ORIGINAL + b"envelope")
    return DeadLetter(
        channel, entry_id, text(b"reason"), text(b"detail"), text(b"origin"), envelope, buried_at
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise errors.StreamsUnavailable from error
