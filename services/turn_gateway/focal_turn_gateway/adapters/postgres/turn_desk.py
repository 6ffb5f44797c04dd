"""Opens and stops turns from outside the turn program: each step is one call of a function of the schema."""

from __future__ import annotations

import asyncpg

from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.triggers import Request, Trigger, Triggered
from focal_turn_gateway.domain.turns import OpenTurn, TurnStatus

_TRIGGER = """
SELECT turn_id, already_open, refusal FROM turns.trigger_turn($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_STANDING = "SELECT * FROM turns.standing($1, $2, $3, $4, $5)"
_CANCEL = "SELECT turns.cancel_turn($1, $2, $3, $4, $5, $6, $7, $8)"


class PostgresTurnDesk:
    """`ports.TurnDesk` on the schema `turns`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def trigger(self, trigger: Trigger, request: Request) -> Triggered:
        """Open a turn for a cause. Raises SessionNotFound, SessionEnded, RequestIdReused."""
        with failures.translated():
            row = await self._pool.fetchrow(
                _TRIGGER,
                trigger.tenant_id,
                trigger.session_id,
                ids.new_id("trn"),
                ids.new_id("grp"),
                trigger.cause,
                trigger.cause_id,
                trigger.payload_json,
                request.request_id,
                request.content_hash,
            )
        assert row is not None
        if row["refusal"] == "SESSION_NOT_FOUND":
            raise errors.SessionNotFound(trigger.session_id)
        if row["refusal"] == "SESSION_ENDED":
            raise errors.SessionEnded(trigger.session_id)
        return Triggered(row["turn_id"], row["already_open"])

    async def standing(
        self, tenant_id: str, session_id: str, turn_id: str, request: Request
    ) -> OpenTurn | None:
        """The turn that a cancel is about. Raises SessionNotFound, RequestIdReused."""
        with failures.translated():
            row = await self._pool.fetchrow(
                _STANDING, tenant_id, session_id, turn_id, request.request_id, request.content_hash
            )
        if row is None:
            raise errors.SessionNotFound(session_id)
        if not row["found"]:
            return None
        return OpenTurn(
            tenant_id,
            session_id,
            row["turn_id"],
            row["turn_group_id"],
            TurnStatus(row["status"]),
            bool(row["running"]),
            row["epoch"] + 1,
            bool(row["committed"]),
        )

    async def cancel(self, turn: OpenTurn, by: str, reason: str, request: Request) -> bool:
        """End the turn CANCELLED; false when the session has moved since it was looked at."""
        with failures.translated():
            cancelled: bool = await self._pool.fetchval(
                _CANCEL,
                turn.tenant_id,
                turn.session_id,
                turn.turn_id,
                turn.epoch,
                by,
                reason,
                request.request_id,
                request.content_hash,
            )
        return cancelled
