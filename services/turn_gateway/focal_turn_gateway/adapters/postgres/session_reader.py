"""Reads sessions, turns and events; each query names the tenant or a session that was found under it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg

from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures, records, session_list
from focal_turn_gateway.domain.events import StoredEvent
from focal_turn_gateway.domain.messages import Address, Message
from focal_turn_gateway.domain.sessions import Behind, Listing, Session
from focal_turn_gateway.domain.turns import Turn

# What waits for the end of a running turn counts already.
_WHOLE = """
session_id, tenant_id, agent_id, customer_id, channel, ended, config_version, turn_count, epoch,
turns.edited_state(state, edits) AS state, created_at, updated_at, last_offset, open_messages,
state_version AS version, ended_at, ended_by, end_reason
"""
_SESSION = f"""
SELECT {_WHOLE} FROM turns.session_overview WHERE tenant_id = $1 AND session_id = $2
"""  # noqa: S608
_AT = """
tenant_id = $1 AND agent_id = $2 AND channel = $3 AND customer_id = (
  SELECT i.customer_id FROM turns.channel_identities i
  WHERE i.tenant_id = $1 AND i.channel = $3 AND i.channel_user_hash = $4)
"""
_SESSION_AT = f"""
SELECT {_WHOLE} FROM turns.session_overview WHERE NOT ended AND {_AT}
"""  # noqa: S608
_ENDED_AT = f"""
SELECT {_WHOLE} FROM turns.session_overview WHERE ended AND session_id = $5 AND {_AT}
"""  # noqa: S608
_TURN = "SELECT * FROM turns.turn_overview WHERE tenant_id = $1 AND turn_id = $2"
_LIST_TURNS = """
SELECT * FROM turns.turn_overview
WHERE tenant_id = $1 AND session_id = $2 AND ($3 = '' OR turn_id < $3)
ORDER BY turn_id DESC LIMIT $4
"""
_OPEN_TURNS = """
SELECT o.* FROM turns.turns t JOIN turns.turn_overview o USING (turn_id)
WHERE t.tenant_id = $1 AND t.closed_at IS NULL AND t.turn_id > $3
  AND t.opened_at <= clock_timestamp() - $2::interval
ORDER BY t.turn_id LIMIT $4
"""
_TURN_ANSWERING = """
SELECT * FROM turns.turn_overview
WHERE tenant_id = $1 AND (turn_index > 0 OR status = 'CANCELLED')
  AND turn_id = (SELECT m.turn_id FROM turns.messages m WHERE m.tenant_id = $1 AND m.message_id = $2)
"""
_MESSAGES_OF = """
SELECT coalesce(
  jsonb_agg(turns.message_json(m) || jsonb_build_object('turn_id', m.turn_id) ORDER BY m.sequence), '[]')
FROM turns.messages m WHERE m.turn_id = $2 AND m.tenant_id = $1
"""
_MESSAGES = """
SELECT coalesce(
  jsonb_agg(turns.message_json(m) || jsonb_build_object('turn_id', coalesce(m.turn_id, ''))
    ORDER BY m.sequence DESC), '[]')
FROM (SELECT * FROM turns.messages WHERE tenant_id = $1 AND session_id = $2 AND ($3 = 0 OR sequence < $3)
      ORDER BY sequence DESC LIMIT $4) m
"""
_AHEAD = """
SELECT s.session_id FROM unnest($1::text[], $2::bigint[]) AS f(session_id, seen)
JOIN turns.sessions s USING (session_id) WHERE s.event_offset > f.seen
"""
# A session that ended with messages or turns open is still answered on its version.
_PINNED = """
SELECT config_version, count(*) AS sessions FROM (
  SELECT session_id, config_version FROM turns.sessions
  WHERE tenant_id = $1 AND agent_id = $2 AND ended_at IS NULL
  UNION
  SELECT s.session_id, s.config_version FROM turns.turns t JOIN turns.sessions s USING (session_id)
  WHERE t.closed_at IS NULL AND t.tenant_id = $1 AND s.agent_id = $2
  UNION
  SELECT s.session_id, s.config_version FROM turns.messages m JOIN turns.sessions s USING (session_id)
  WHERE m.turn_id IS NULL AND m.tenant_id = $1 AND s.agent_id = $2
) live WHERE config_version > 0 GROUP BY 1 ORDER BY 1
"""
_EVENTS = """
SELECT "offset", turn_id, attempt, kind, body, occurred_at, trace_id FROM turns.events
WHERE session_id = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3
"""
_FIRST_OFFSET = """
SELECT coalesce((SELECT "offset" FROM turns.events WHERE session_id = $1 ORDER BY "offset" LIMIT 1),
                (SELECT event_offset + 1 FROM turns.sessions WHERE session_id = $1), 1)
"""


class PostgresSessionReader:
    """`ports.SessionReader` on the schema `turns`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def session(self, tenant_id: str, session_id: str) -> Session:
        """One session. Raises SessionNotFound."""
        with failures.translated():
            row = await self._pool.fetchrow(_SESSION, tenant_id, session_id)
        if row is None:
            raise errors.SessionNotFound(session_id)
        return _session(row)

    async def session_at(self, tenant_id: str, address: Address, ended_id: str = "") -> Session | None:
        """The session that is active at an address, else the one with `ended_id` if it was there."""
        user_hash = ids.digest(address.channel, address.channel_user_id)
        at = (tenant_id, address.agent_id, address.channel, user_hash)
        with failures.translated():
            row = await self._pool.fetchrow(_SESSION_AT, *at)
            if row is None and ended_id:
                row = await self._pool.fetchrow(_ENDED_AT, *at, ended_id)
        return None if row is None else _session(row)

    async def sessions(
        self, tenant_id: str, listing: Listing, behind: Behind | None, limit: int
    ) -> list[Session]:
        """Sessions of a listing behind a place in it, without their state."""
        query, given = session_list.page(tenant_id, listing, behind, limit)
        with failures.translated():
            rows = await self._pool.fetch(query, *given)
        return [_session(row) for row in rows]

    async def turn(self, tenant_id: str, turn_id: str) -> Turn:
        """One turn. Raises TurnNotFound."""
        with failures.translated():
            row = await self._pool.fetchrow(_TURN, tenant_id, turn_id)
        if row is None:
            raise errors.TurnNotFound(turn_id)
        return _turn(row)

    async def turns(self, tenant_id: str, session_id: str, before: str, limit: int) -> list[Turn]:
        """Turns of a session with an id below `before` (all when empty), latest first."""
        with failures.translated():
            rows = await self._pool.fetch(_LIST_TURNS, tenant_id, session_id, before, limit)
        return [_turn(row) for row in rows]

    async def open_turns(self, tenant_id: str, min_age_s: float, after: str, limit: int) -> list[Turn]:
        """Turns that have not ended, oldest first."""
        with failures.translated():
            rows = await self._pool.fetch(_OPEN_TURNS, tenant_id, timedelta(seconds=min_age_s), after, limit)
        return [_turn(row) for row in rows]

    async def turn_answering(self, tenant_id: str, message_id: str) -> Turn | None:
        """The closed turn that answered a message, or that was cancelled with it."""
        with failures.translated():
            row = await self._pool.fetchrow(_TURN_ANSWERING, tenant_id, message_id)
        return None if row is None else _turn(row)

    async def messages_of(self, tenant_id: str, turn_id: str) -> tuple[Message, ...]:
        """Messages that ended with a turn, in order."""
        with failures.translated():
            found = await self._pool.fetchval(_MESSAGES_OF, tenant_id, turn_id)
        return records.MESSAGES.validate_json(found)

    async def messages(self, tenant_id: str, session_id: str, before: int, limit: int) -> tuple[Message, ...]:
        """Messages of a session with a sequence below `before` (all when 0), latest first."""
        with failures.translated():
            found = await self._pool.fetchval(_MESSAGES, tenant_id, session_id, before, limit)
        return records.MESSAGES.validate_json(found)

    async def pinned_versions(self, tenant_id: str, agent_id: str) -> dict[int, int]:
        """Bundle versions that live sessions of an agent are pinned to, with their number, ascending."""
        with failures.translated():
            rows = await self._pool.fetch(_PINNED, tenant_id, agent_id)
        return {row["config_version"]: row["sessions"] for row in rows}

    async def events(self, session_id: str, after_offset: int, limit: int) -> list[StoredEvent]:
        """Stored events behind an offset, in order."""
        with failures.translated():
            rows = await self._pool.fetch(_EVENTS, session_id, after_offset, limit)
        return [
            StoredEvent(
                session_id,
                row["offset"],
                row["occurred_at"],
                records.event_body(row["kind"], row["body"]),
                row["turn_id"],
                row["attempt"],
                row["trace_id"],
            )
            for row in rows
        ]

    async def ahead(self, offsets: Mapping[str, int]) -> list[str]:
        """Which of these sessions have stored events behind the offset beside their id."""
        with failures.translated():
            rows = await self._pool.fetch(_AHEAD, list(offsets), list(offsets.values()))
        return [row["session_id"] for row in rows]

    async def first_offset(self, session_id: str) -> int:
        """The offset of the oldest event that is kept; of the next one when none is."""
        with failures.translated():
            return int(await self._pool.fetchval(_FIRST_OFFSET, session_id))


def _session(row: asyncpg.Record) -> Session:
    return Session(**dict(row))


def _turn(row: asyncpg.Record) -> Turn:
    """The row's columns say where the turn stands; its record, written at the commit, says the rest."""
    columns: dict[str, Any] = dict(row)
    record = columns.pop("record")
    del columns["tenant_id"]
    return records.TURN.validate_python({**(json.loads(record) if record else {}), **columns})
