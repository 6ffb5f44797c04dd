"""What is held against customers, in the schema `turns`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
from pydantic import TypeAdapter

from focal_kernel import ids
from focal_service_kit import tracing
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures, records
from focal_turn_gateway.domain.abuse import Abuse, AbuseFilter, Finding, Standing
from focal_turn_gateway.domain.events import Event
from focal_turn_gateway.domain.triggers import Request
from focal_turn_gateway.ports.abuse import Lifted, Noted

_NOTE = "SELECT * FROM turns.note_abuse($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
_LIFT = "SELECT * FROM turns.lift_abuse($1, $2, $3, $4, $5, $6, $7, $8)"
_PAGE = """
SELECT turns.abuse_json(a) FROM turns.abuse a
WHERE tenant_id = $1 AND ($2 = '' OR customer_id = $2) AND ($3 = '' OR level = $3) AND ($4 = '' OR cause = $4)
  AND (NOT $5 OR (lifted_at IS NULL AND holds_until > clock_timestamp()))
  AND ($6 = '' OR abuse_id < $6)
ORDER BY abuse_id DESC LIMIT $7
"""
_SECONDS = "extract(epoch FROM least(a.holds_until, clock_timestamp() + $3) - clock_timestamp())"
_STANDING = f"""
SELECT i.tenant_id, i.channel_user_hash,
       coalesce(max({_SECONDS}) FILTER (WHERE a.level <> 'MEDIUM'), 0)::float8 AS blocked_s,
       coalesce(max({_SECONDS}) FILTER (WHERE a.level = 'MEDIUM'), 0)::float8 AS restricted_s
FROM turns.channel_identities i
LEFT JOIN turns.abuse a ON a.tenant_id = i.tenant_id AND a.customer_id = i.customer_id AND a.level <> 'LOW'
  AND a.lifted_at IS NULL AND a.holds_until > clock_timestamp()
WHERE i.tenant_id = $1 AND i.customer_id = $2
GROUP BY i.tenant_id, i.channel_user_hash
"""  # noqa: S608
_STANDINGS = f"""
SELECT a.abuse_id, a.tenant_id, i.channel_user_hash, a.level, {_SECONDS}::float8 AS seconds
FROM (SELECT * FROM turns.abuse
      WHERE lifted_at IS NULL AND level <> 'LOW' AND holds_until > clock_timestamp() AND abuse_id > $1
      ORDER BY abuse_id LIMIT $2) a
LEFT JOIN turns.channel_identities i ON i.tenant_id = a.tenant_id AND i.customer_id = a.customer_id
ORDER BY a.abuse_id
"""  # noqa: S608
_ABUSE = TypeAdapter(Abuse)
_ENTRIES = TypeAdapter(tuple[Abuse, ...])


class PostgresAbuseRecords:
    """`ports.abuse.AbuseRecords`; a standing is told for `told_s` seconds at most."""

    def __init__(self, pool: asyncpg.Pool, told_s: float) -> None:
        self._pool = pool
        self._told = timedelta(seconds=told_s)

    async def note(
        self, tenant_id: str, finding: Finding, request: Request, further: Sequence[Event] = ()
    ) -> Noted | None:
        """Store a finding, its event and further ones. Raises CustomerNotFound, RequestIdReused."""
        with failures.translated():
            row = await self._pool.fetchrow(
                _NOTE,
                tenant_id,
                finding.customer_id,
                ids.new_id("abs"),
                finding.level.value,
                finding.cause.value,
                None if finding.hours is None else timedelta(hours=finding.hours),
                json.dumps(dict(finding.evidence)),
                finding.reason,
                finding.noted_by,
                request.request_id,
                request.content_hash,
                tracing.current_trace_id(),
                records.events_json(further),
            )
        assert row is not None
        if not row["known"]:
            raise errors.CustomerNotFound(finding.customer_id)
        if row["abuse"] is None:
            return None
        return Noted(_ABUSE.validate_json(row["abuse"]), row["fresh"], row["session_id"] or "")

    async def lift(self, tenant_id: str, customer_id: str, by: str, reason: str, request: Request) -> Lifted:
        """End all that holds. Raises CustomerNotFound, RequestIdReused."""
        with failures.translated():
            row = await self._pool.fetchrow(
                _LIFT,
                tenant_id,
                customer_id,
                ids.new_id("lft"),
                by,
                reason,
                request.request_id,
                request.content_hash,
                tracing.current_trace_id(),
            )
        assert row is not None
        if not row["known"]:
            raise errors.CustomerNotFound(customer_id)
        return Lifted(_ENTRIES.validate_json(row["entries"]), row["session_id"] or "")

    async def page(self, tenant_id: str, chosen: AbuseFilter, before: str, limit: int) -> list[Abuse]:
        """Entries with an id below `before` (all when empty), latest first."""
        with failures.translated():
            rows = await self._pool.fetch(
                _PAGE,
                tenant_id,
                chosen.customer_id,
                chosen.level or "",
                chosen.cause or "",
                chosen.holding,
                before,
                limit,
            )
        return [_ABUSE.validate_json(row[0]) for row in rows]

    async def standing(self, tenant_id: str, customer_id: str) -> list[Standing]:
        """How a customer stands, at each of its addresses."""
        with failures.translated():
            rows = await self._pool.fetch(_STANDING, tenant_id, customer_id, self._told)
        return [Standing(*row.values()) for row in rows]

    async def standings(self, after: str, limit: int) -> tuple[list[Standing], str]:
        """Who is blocked or restricted by the next entries, and the last of them."""
        with failures.translated():
            rows = await self._pool.fetch(_STANDINGS, after, limit, self._told)
        found = [_standing(row) for row in rows if row["channel_user_hash"] is not None]
        return found, rows[-1]["abuse_id"] if rows else ""


def _standing(row: asyncpg.Record) -> Standing:
    restricts = row["level"] == "MEDIUM"
    seconds = row["seconds"]
    return Standing(
        row["tenant_id"],
        row["channel_user_hash"],
        blocked_s=0.0 if restricts else seconds,
        restricted_s=seconds if restricts else 0.0,
    )
