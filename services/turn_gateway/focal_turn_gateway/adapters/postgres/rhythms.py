"""Reads how a customer writes: one statement over indexed rows, before the message is stored."""

from __future__ import annotations

import asyncpg
from pydantic import TypeAdapter

from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.accumulation import Hint, Rhythm
from focal_turn_gateway.domain.messages import Submission

# The limit keeps the session's look-up apart: joined in, a planner without statistics reads all of an agent's
# sessions.
_READ = """
SELECT i.gaps_ms, coalesce(s.accumulation_hint, '{}') AS hint,
       CASE WHEN s.window_opened_at IS NULL THEN 0 ELSE s.window_messages END AS earlier_count,
       CASE WHEN s.window_opened_at IS NULL THEN '{}' ELSE ARRAY(
         SELECT left(m.text, $6) FROM (
           SELECT text, sequence FROM turns.messages
           WHERE session_id = s.session_id AND turn_id IS NULL
             AND sequence > s.message_sequence - s.window_messages
           ORDER BY sequence DESC LIMIT $5) m
         ORDER BY m.sequence) END AS earlier
FROM turns.channel_identities i
LEFT JOIN LATERAL (
  SELECT * FROM turns.sessions
  WHERE tenant_id = $1 AND agent_id = $4 AND customer_id = i.customer_id AND channel = $2 AND ended_at IS NULL
  LIMIT 1) s ON true
WHERE i.tenant_id = $1 AND i.channel = $2 AND i.channel_user_hash = $3
"""
_HINT = TypeAdapter(Hint)


class PostgresRhythms:
    """`ports.Rhythms` on the schema `turns`; of a window's earlier messages the latest `texts`, each cut to
    `chars` characters.
    """

    def __init__(self, pool: asyncpg.Pool, *, texts: int, chars: int) -> None:
        self._pool = pool
        self._texts = texts
        self._chars = chars

    async def rhythm(self, submission: Submission) -> Rhythm:
        """What is known before this message is stored. Raises StoreUnavailable."""
        address = submission.address
        with failures.translated():
            row = await self._pool.fetchrow(
                _READ,
                submission.tenant_id,
                address.channel,
                submission.channel_user_hash,
                address.agent_id,
                self._texts,
                self._chars,
            )
        if row is None:
            return Rhythm()
        return Rhythm(
            tuple(row["gaps_ms"]),
            tuple(row["earlier"]),
            row["earlier_count"],
            _HINT.validate_json(row["hint"]),
        )
