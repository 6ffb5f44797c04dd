"""What the databases say about some sessions, when everything is quiet.

Sources: the schemas `turns` and `effects`, the audit of `gates`, the outbound stream in Valkey, the
shop's SQLite. The customers contribute one thing: which messages were acknowledged to them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import redis.asyncio

from tests.chaos.harness.customers import CHANNEL, Saying
from tests.chaos.harness.orders import Refund

Row = TypeVar("Row")


@dataclass(frozen=True)
class Session:
    session_id: str
    epoch: int
    message_sequence: int
    event_offset: int
    turn_count: int
    open_turn_id: str | None


@dataclass(frozen=True)
class Message:
    message_id: str
    session_id: str
    sequence: int
    request_id: str | None
    turn_id: str | None


@dataclass(frozen=True)
class Turn:
    """`record` is what the commit wrote; None before."""

    turn_id: str
    session_id: str
    turn_group_id: str
    status: str
    attempt: int
    epoch: int
    turn_index: int
    reply_text: str
    record: Mapping[str, Any] | None

    @property
    def message_ids(self) -> list[str]:
        return list(self.record["message_ids"]) if self.record else []


@dataclass(frozen=True)
class Event:
    session_id: str
    offset: int
    kind: str
    turn_id: str
    attempt: int
    epoch: int | None


@dataclass(frozen=True)
class Effect:
    effect_id: str
    effect_key: str
    business_key: str
    tool_name: str
    state: str
    session_id: str
    turn_group_id: str
    epoch: int
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Act:
    """A fence or a reservation; the evidence holds them in the order in which they took hold."""

    act: str
    session_id: str
    epoch: int


@dataclass(frozen=True)
class OutboxRow:
    session_id: str
    destination: str
    dedupe_key: str
    state: str


@dataclass(frozen=True)
class Delivered:
    """An entry of the outbound stream."""

    session_id: str
    turn_id: str
    segment: int
    part: int
    text: str


@dataclass(frozen=True)
class Evidence:
    """Everything about some customers; lists are in the order of their keys."""

    said: Sequence[Saying] = ()
    sessions: Sequence[Session] = ()
    messages: Sequence[Message] = ()
    turns: Sequence[Turn] = ()
    events: Sequence[Event] = ()
    effects: Sequence[Effect] = ()
    acts: Sequence[Act] = ()
    outbox: Sequence[OutboxRow] = ()
    delivered: Sequence[Delivered] = ()
    refunds: Sequence[Refund] = ()

    @property
    def committed(self) -> list[Turn]:
        """Closed turns, in session order."""
        return sorted((t for t in self.turns if t.turn_index > 0), key=lambda t: (t.session_id, t.turn_index))


_SESSIONS = """
SELECT session_id, epoch, message_sequence, event_offset, turn_count, open_turn_id
FROM turns.sessions WHERE session_id = ANY($1) ORDER BY session_id
"""
_MESSAGES = """
SELECT message_id, session_id, sequence, request_id, turn_id
FROM turns.messages WHERE session_id = ANY($1) ORDER BY session_id, sequence
"""
_TURNS = """
SELECT turn_id, session_id, turn_group_id, status, attempt, epoch, turn_index, reply_text, record
FROM turns.turns WHERE session_id = ANY($1) ORDER BY session_id, turn_id
"""
_EVENTS = """
SELECT session_id, "offset", kind, turn_id, attempt, (body->>'epoch')::bigint AS epoch
FROM turns.events WHERE session_id = ANY($1) ORDER BY session_id, "offset"
"""
_EFFECTS = """
SELECT effect_id, effect_key, business_key, tool_name, state, session_id, turn_group_id, epoch,
       arguments_json::jsonb AS arguments
FROM effects.effects WHERE session_id = ANY($1) ORDER BY position
"""
_ACTS = "SELECT act, session_id, epoch FROM chaos.audit WHERE session_id = ANY($1) ORDER BY position"
_OUTBOX = """
SELECT session_id, destination, dedupe_key, state
FROM turns.outbox WHERE session_id = ANY($1) ORDER BY outbox_id
"""


async def from_postgres(url: str, sessions: Collection[str], kind: type[Row], query: str) -> list[Row]:
    """Rows of a query about sessions as instances of `kind`."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for name in ("json", "jsonb"):
            await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        return [kind(**dict(row)) for row in await connection.fetch(query, list(sessions))]
    finally:
        await connection.close()


async def from_valkey(url: str, tenant: str, sessions: Collection[str]) -> list[Delivered]:
    """The outbound stream's entries about sessions, in stream order."""
    async with redis.asyncio.Redis.from_url(url) as client:
        entries: Any = await client.xrange(f"events.outbound.{tenant}.{CHANNEL}")
    envelopes = (json.loads(fields[b"envelope"]) for _, fields in entries)
    return [
        Delivered(each["session_id"], each["turn_id"], each["segment"], each["part"], each["text"])
        for each in envelopes
        if each["session_id"] in sessions
    ]


async def gather(
    postgres_url: str, redis_url: str, tenant: str, said: Sequence[Saying], refunds: Sequence[Refund]
) -> Evidence:
    """The evidence about the sessions that the acknowledgements name."""
    sessions = {each.session_id for saying in said for each in saying.acknowledged}

    async def rows(kind: type[Row], query: str) -> list[Row]:
        return await from_postgres(postgres_url, sessions, kind, query)

    effects = await rows(Effect, _EFFECTS)
    return Evidence(
        said=said,
        sessions=await rows(Session, _SESSIONS),
        messages=await rows(Message, _MESSAGES),
        turns=await rows(Turn, _TURNS),
        events=await rows(Event, _EVENTS),
        effects=effects,
        acts=await rows(Act, _ACTS),
        outbox=await rows(OutboxRow, _OUTBOX),
        delivered=await from_valkey(redis_url, tenant, sessions),
        refunds=refunds,
    )
