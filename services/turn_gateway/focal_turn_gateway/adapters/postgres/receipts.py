"""Receipts of replies in the schema `turns`."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
from pydantic import TypeAdapter

from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.receipts import Receipt, Report

_REPORT = "SELECT turns.report_delivery($1, $2, $3, $4, $5, $6)"
_OF_TURN = """
SELECT dedupe_key, session_id, turn_id, segment, part, channel, state, provider_message_id, reason, updated_at
FROM turns.receipts WHERE tenant_id = $1 AND turn_id = $2 AND (segment, part) > ($3, $4)
ORDER BY segment, part LIMIT $5
"""
_RECEIPT = TypeAdapter(Receipt)


class PostgresReceipts:
    """`ports.Receipts`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def report(self, tenant_id: str, report: Report) -> tuple[Receipt, bool] | None:
        """Note a report; the receipt as it stands and whether it changed, None for a part that is unknown.
        Raises StoreUnavailable.
        """
        with failures.translated():
            answer = await self._pool.fetchval(
                _REPORT,
                tenant_id,
                report.dedupe_key,
                report.channel,
                report.provider_message_id,
                report.state.value,
                report.reason,
            )
        if answer is None:
            return None
        found: dict[str, Any] = json.loads(answer)
        return _receipt(found), found["advanced"]

    async def of_turn(
        self, tenant_id: str, turn_id: str, after: tuple[int, int], limit: int
    ) -> list[Receipt]:
        """Receipts of a turn's parts behind a segment and part. Raises StoreUnavailable."""
        with failures.translated():
            rows = await self._pool.fetch(_OF_TURN, tenant_id, turn_id, *after, limit)
        return [_receipt(dict(row)) for row in rows]


def _receipt(found: dict[str, Any]) -> Receipt:
    return _RECEIPT.validate_python({name: found[name] for name in Receipt.__dataclass_fields__})
