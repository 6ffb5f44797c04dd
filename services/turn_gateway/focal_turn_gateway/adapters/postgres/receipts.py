"""Receipts of replies in the schema `turns`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg
from pydantic import TypeAdapter

from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.receipts import Receipt, Report
from focal_turn_gateway.domain.turns import ReplySegment
from focal_turn_gateway.ports.delivery import FailedPart, FallbackRung, Noted

_REPORT = "SELECT turns.report_delivery($1, $2, $3, $4, $5, $6, $7)"
_PART = """
SELECT o.payload, t.record FROM turns.outbox o JOIN turns.turns t ON t.turn_id = o.payload->>'turn_id'
WHERE o.destination IN ('outbound', 'callback') AND o.tenant_id = $1
  AND o.dedupe_key = turns.part_key($1, $2, $3, $4)
"""
_OF_TURN = """
SELECT dedupe_key, session_id, turn_id, segment, part, channel, state, provider_message_id, reason, updated_at
FROM turns.receipts WHERE tenant_id = $1 AND turn_id = $2 AND (segment, part, channel) > ($3, $4, $5)
ORDER BY segment, part, channel LIMIT $6
"""
_RECEIPT = TypeAdapter(Receipt)
_REPLY = TypeAdapter(tuple[ReplySegment, ...])


class PostgresReceipts:
    """`ports.Receipts`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def report(
        self, tenant_id: str, report: Report, rungs: Sequence[FallbackRung] = ()
    ) -> Noted | None:
        """Note a report, and fall back when it says that a part failed. Raises StoreUnavailable."""
        with failures.translated():
            answer = await self._pool.fetchval(
                _REPORT,
                tenant_id,
                report.dedupe_key,
                report.channel,
                report.provider_message_id,
                report.state.value,
                report.reason,
                json.dumps([_rung(rung) for rung in rungs]),
            )
        if answer is None:
            return None
        found: dict[str, Any] = json.loads(answer)
        return Noted(_receipt(found), found["advanced"], found["fell_back"])

    async def part(self, tenant_id: str, report: Report) -> FailedPart | None:
        """The part that a report is about. Raises StoreUnavailable."""
        with failures.translated():
            row = await self._pool.fetchrow(
                _PART, tenant_id, report.dedupe_key, report.channel, report.provider_message_id
            )
        if row is None:
            return None
        payload = json.loads(row["payload"])
        reply = _REPLY.validate_python(json.loads(row["record"])["reply"])
        segment = next((each for each in reply if each.index == payload["segment"]), None)
        return None if segment is None else FailedPart(payload, segment)

    async def of_turn(
        self, tenant_id: str, turn_id: str, after: tuple[int, int, str], limit: int
    ) -> list[Receipt]:
        """Receipts of a turn's parts behind a segment, part and channel. Raises StoreUnavailable."""
        with failures.translated():
            rows = await self._pool.fetch(_OF_TURN, tenant_id, turn_id, *after, limit)
        return [_receipt(dict(row)) for row in rows]


def _rung(rung: FallbackRung) -> dict[str, Any]:
    rows = [
        {"destination": row.destination, "dedupe_key": row.dedupe_key, "payload": row.payload}
        for row in rung.rows
    ]
    return {"channel": rung.channel, "refusal": rung.refusal or "", "per_day": rung.per_day, "rows": rows}


def _receipt(found: dict[str, Any]) -> Receipt:
    return _RECEIPT.validate_python({name: found[name] for name in Receipt.__dataclass_fields__})
