"""A tenant's events as one log, in an order in which nothing appears behind a reader.

Events are numbered when they are written, and transactions commit in any order: a reader that went by
numbers alone would pass by an event whose transaction is still open. So it reads only up to the oldest
transaction that is: every event carries the id of its transaction (`turns.write_events`), and what is
written from now on carries no smaller one than the oldest that is open now.
"""

from __future__ import annotations

import asyncpg

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures, records
from focal_turn_gateway.domain.event_log import EventChoice, LoggedEvent, LogPage, Position
from focal_turn_gateway.domain.events import StoredEvent

_READ = """
SELECT e.xact, e.position, e.session_id, e."offset", e.turn_id, e.attempt, e.kind, e.occurred_at, e.trace_id,
       s.agent_id, s.channel,
       CASE WHEN turns.event_matches(e.name, $5) AND ($6 = '' OR s.agent_id = $6) THEN e.body END AS body
FROM (SELECT * FROM turns.events
      WHERE tenant_id = $1 AND (xact, position) > ($2, $3)
        AND xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      ORDER BY xact, position LIMIT $4) e
JOIN turns.sessions s USING (session_id)
ORDER BY e.xact, e.position
"""
_END = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_BOUNDS = """
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next,
       (SELECT (r.xact, r.position) > ($2::bigint, $3::bigint) FROM turns.event_removals r
        WHERE r.tenant_id = $1) AS removed
"""


class PostgresEventLog:
    """`ports.events.EventLog` on the schema `turns`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def end(self) -> Position:
        """The place behind all that is certain to be stored."""
        with failures.translated():
            return Position(await self._pool.fetchval(_END), 0)

    async def check(self, tenant_id: str, position: Position) -> None:
        """Raise EventsRemoved when events behind the place are gone, InvalidField when it was never reached
        in this database: read on from there, what is stored next would be passed by.
        """
        with failures.translated():
            row = await self._pool.fetchrow(_BOUNDS, tenant_id, position.xact, position.number)
        assert row is not None
        if position.xact > row["next"]:
            raise errors.InvalidField("after_position", "is of another database; begin without one")
        if row["removed"]:
            raise errors.EventsRemoved

    async def read(self, tenant_id: str, after: Position, choice: EventChoice, limit: int) -> LogPage:
        """The chosen ones of the next `limit` events behind a place."""
        with failures.translated():
            rows = await self._pool.fetch(
                _READ,
                tenant_id,
                after.xact,
                after.number,
                limit,
                list(choice.patterns),
                choice.agent_id,
            )
        reached = Position(rows[-1]["xact"], rows[-1]["position"]) if rows else after
        chosen = tuple(_logged(row) for row in rows if row["body"] is not None)
        return LogPage(chosen, reached, len(rows) == limit)


def _logged(row: asyncpg.Record) -> LoggedEvent:
    event = StoredEvent(
        row["session_id"],
        row["offset"],
        row["occurred_at"],
        records.event_body(row["kind"], row["body"]),
        row["turn_id"],
        row["attempt"],
        row["trace_id"],
    )
    return LoggedEvent(event, Position(row["xact"], row["position"]), row["agent_id"], row["channel"])
