"""Replies to customers: entries of `events.outbound.*`, read by a group and acknowledged once they are sent.

A router that dies between sending a part and acknowledging it finds the part again. Whether the customer does
too is the provider's affair: give it the part's `dedupe_key`, if it takes one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.exceptions import ResponseError

GROUP = "router"
BLOCK_MS = 500
BATCH = 16


@dataclass(frozen=True, slots=True)
class Part:
    """One message to a customer."""

    entry_id: str
    recipient: str
    dedupe_key: str
    text: str


async def join(client: redis.asyncio.Redis, stream: str) -> None:
    """Make the group unless it is there; it begins with the oldest entry that is kept."""
    try:
        await client.xgroup_create(stream, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


async def parts(client: redis.asyncio.Redis, stream: str, consumer: str) -> AsyncIterator[Part]:
    """Parts in the stream's order: first what this consumer took before and did not acknowledge, then new
    ones, for ever.
    """
    after = "0"
    while True:
        found: Any = await client.xreadgroup(GROUP, consumer, {stream: after}, count=BATCH, block=BLOCK_MS)
        entries = [entry for _, taken in found for entry in taken]
        if after != ">":
            after = entries[-1][0].decode() if entries else ">"
        for entry_id, fields in entries:
            if fields:  # an entry that was trimmed after it was taken has none
                yield _part(entry_id.decode(), fields)


async def send(
    client: redis.asyncio.Redis,
    stream: str,
    part: Part,
    provider: Callable[[Part], Awaitable[str]],
    report: Callable[[Part, str], Awaitable[None]],
) -> None:
    """Hand a part to the provider, report the id that it gave it, and be done with it."""
    provider_message_id = await provider(part)
    await report(part, provider_message_id)
    await client.xack(stream, GROUP, part.entry_id)


def _part(entry_id: str, fields: dict[bytes, bytes]) -> Part:
    envelope = json.loads(fields[b"envelope"])
    return Part(entry_id, fields[b"recipient"].decode(), envelope["dedupe_key"], envelope["message"]["text"])
