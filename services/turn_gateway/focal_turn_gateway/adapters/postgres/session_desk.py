"""Changes sessions from outside the turn program: each step is one call of a function of the schema."""

from __future__ import annotations

import json

import asyncpg

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.postgres import failures, records
from focal_turn_gateway.domain.events import Event, SessionEnded, SessionUpdated
from focal_turn_gateway.domain.session_edits import Edit, EditLimits, Operator
from focal_turn_gateway.domain.triggers import Request

_UPDATE = "SELECT turns.update_session($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_END = "SELECT turns.end_session($1, $2, $3, $4, $5, $6, $7)"


class PostgresSessionDesk:
    """`ports.sessions.SessionDesk` on the schema `turns`."""

    def __init__(self, pool: asyncpg.Pool, limits: EditLimits) -> None:
        self._pool = pool
        self._limits = limits

    async def update(
        self,
        tenant_id: str,
        session_id: str,
        edit: Edit,
        version: int | None,
        operator: Operator,
        request: Request,
    ) -> None:
        """Apply an edit. Raises SessionNotFound, SessionEnded, SessionChanged, SessionFull,
        RequestIdReused.
        """
        body = SessionUpdated(
            edit.set_names, edit.removed_names, edit.moves, operator.subject, operator.reason
        )
        moves = [{"scenarioId": move.scenario_id, "stepId": move.step_id} for move in edit.moves]
        with failures.translated():
            refusal = await self._pool.fetchval(
                _UPDATE,
                tenant_id,
                session_id,
                json.dumps({"variables": dict(edit.variables), "moves": moves}),
                version,
                self._limits.variables,
                self._limits.moves,
                request.request_id,
                request.content_hash,
                records.events_json([Event(body)]),
            )
        self._check(refusal, session_id)

    async def end(self, tenant_id: str, session_id: str, operator: Operator, request: Request) -> None:
        """End a session. Raises SessionNotFound, RequestIdReused."""
        event = Event(SessionEnded(operator.subject, operator.reason))
        with failures.translated():
            found = await self._pool.fetchval(
                _END,
                tenant_id,
                session_id,
                operator.subject,
                operator.reason,
                request.request_id,
                request.content_hash,
                records.events_json([event]),
            )
        if not found:
            raise errors.SessionNotFound(session_id)

    def _check(self, refusal: str, session_id: str) -> None:
        match refusal:
            case "SESSION_NOT_FOUND":
                raise errors.SessionNotFound(session_id)
            case "SESSION_ENDED":
                raise errors.SessionEnded(session_id)
            case "SESSION_CHANGED":
                raise errors.SessionChanged(session_id)
            case "TOO_MANY_VARIABLES":
                raise errors.SessionFull("variables", self._limits.variables)
            case "TOO_MANY_MOVES":
                raise errors.SessionFull("moves", self._limits.moves)
