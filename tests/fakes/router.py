"""The message router as a gateway's tests play it: it writes routed entries and reads what comes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import redis.asyncio


@dataclass
class Router:
    """A router of the tenant `acme` on a channel of one Valkey."""

    client: redis.asyncio.Redis
    tenant: str = "acme"
    channel: str = "web"

    async def write(
        self, text: str, message_id: str = "", user: str = "+4930", traceparent: str = "", **changes: Any
    ) -> str:
        """Write a customer message; `changes` replace members of the envelope. Returns the entry's id."""
        envelope = {
            "tenant_id": self.tenant,
            "agent_id": "desk",
            "channel": self.channel,
            "user_channel_id": user,
            "message": {"id": message_id, "content_type": "text", "text": text},
            "timestamp": "2026-01-02T03:04:05Z",
            **changes,
        }
        traced = {"traceparent": traceparent} if traceparent else {}
        return await self.put(envelope=json.dumps(envelope), **traced)

    async def put(self, **fields: str | bytes) -> str:
        """Write an entry with these fields and a readable version."""
        entry: dict[Any, Any] = {"schema_version": "1.0", "tenant_id": self.tenant, **fields}
        entry_id: Any = await self.client.xadd(f"events.routed.{self.tenant}.{self.channel}", entry)
        return str(entry_id.decode())

    async def entries(self) -> list[dict[str, str]]:
        """Fields of the outbound stream's entries, in its order."""
        entries: Any = await self.client.xrange(f"events.outbound.{self.tenant}.{self.channel}")
        return [{k.decode(): v.decode() for k, v in fields.items()} for _, fields in entries]

    async def replies(self) -> list[dict[str, Any]]:
        """Envelopes of the outbound stream, in its order."""
        return [json.loads(entry["envelope"]) for entry in await self.entries()]

    async def unsettled(self) -> int:
        """Entries that were not settled yet, read or unread."""
        stream = f"events.routed.{self.tenant}.{self.channel}"
        return int(await self.client.xlen(stream))

    async def letters(self) -> list[dict[str, str]]:
        """The fields of the dead letters, in their order."""
        entries: Any = await self.client.xrange(f"events.dlq.{self.tenant}.{self.channel}")
        return [{k.decode(): v.decode(errors="replace") for k, v in fields.items()} for _, fields in entries]


@asynccontextmanager
async def router(redis_url: str, **where: str) -> AsyncIterator[Router]:
    """A connected router."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield Router(client, **where)


async def stored(database: str) -> list[tuple[str, str]]:
    """Customer and text of every stored message, each session in its order."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            """
            SELECT s.customer_id, i.channel_user_id, m.text FROM turns.messages m
            JOIN turns.sessions s USING (session_id)
            JOIN turns.channel_identities i ON i.customer_id = s.customer_id
            ORDER BY m.session_id, m.sequence
            """
        )
    finally:
        await connection.close()
    return [(row["channel_user_id"], row["text"]) for row in rows]
