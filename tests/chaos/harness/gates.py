"""Stops a statement of a service at an exact instant, and keeps an audit, all inside the database.

The test's own database gets a schema `chaos`: triggers that pass through *gates* (advisory locks the
harness can close) and write down fences and reservations in their order. The services know nothing
of it. While a gate is closed, whoever arrives waits there inside its statement; then the harness
freezes or kills the process and opens the gate. The statement is committed although its process
will never hear of it, or, after `abort`, it never happened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum

import asyncpg

from tests.fakes.until import until

LOCK_CLASS = 72_001  # no service uses it


class Gate(Enum):
    """Where a statement can be stopped; the value is the number of its lock."""

    MESSAGE = 1
    """A message is being stored; its transaction is open."""
    CLAIM = 2
    """A gateway is about to take a session: acknowledged, not yet woken."""
    PLAN = 3
    """The tool plan is being stored."""
    RESERVE = 4
    """The toolbox is about to reserve an effect; the fence was not looked at yet."""
    CONCLUDE = 5
    """The provider has answered, the ledger is about to note it."""
    COMMIT = 6
    """A turn is being committed; its transaction is open."""
    DELIVERED = 7
    """A reply has been handed over, the outbox is about to note it."""
    OPEN = 8
    """A turn, or its next attempt, is being opened: accumulation is over, the epoch is about to grow."""
    DECIDED = 9
    """The pipeline's decision to supersede is being stored."""
    FENCE = 10
    """The toolbox is about to raise the fence of a session."""
    RESERVED = 11
    """An irreversible effect is reserved in an open transaction; its toolbox has not heard of it."""


_SCHEMA = (
    "CREATE SCHEMA chaos",
    f"""
    CREATE FUNCTION chaos.pass(p_gate integer) RETURNS void LANGUAGE sql AS
    'SELECT pg_advisory_xact_lock_shared({LOCK_CLASS}, p_gate)'
    """,
    """
    CREATE FUNCTION chaos.gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM chaos.pass(TG_ARGV[0]::integer); RETURN NEW; END $$
    """,
    f"""
    CREATE TRIGGER chaos_message BEFORE INSERT ON turns.messages
    FOR EACH ROW EXECUTE FUNCTION chaos.gate({Gate.MESSAGE.value})
    """,
    f"""
    CREATE TRIGGER chaos_claim BEFORE UPDATE OF gateway ON turns.sessions
    FOR EACH ROW WHEN (NEW.gateway IS NOT NULL) EXECUTE FUNCTION chaos.gate({Gate.CLAIM.value})
    """,
    f"""
    CREATE TRIGGER chaos_open BEFORE UPDATE OF epoch ON turns.sessions
    FOR EACH ROW WHEN (NEW.epoch > OLD.epoch) EXECUTE FUNCTION chaos.gate({Gate.OPEN.value})
    """,
    f"""
    CREATE TRIGGER chaos_decided BEFORE UPDATE OF status ON turns.turns
    FOR EACH ROW WHEN (NEW.status = 'SUPERSEDED') EXECUTE FUNCTION chaos.gate({Gate.DECIDED.value})
    """,
    f"""
    CREATE TRIGGER chaos_fence BEFORE INSERT OR UPDATE OF epoch ON effects.fences
    FOR EACH ROW EXECUTE FUNCTION chaos.gate({Gate.FENCE.value})
    """,
    f"""
    CREATE TRIGGER chaos_plan BEFORE INSERT ON turns.artifacts
    FOR EACH ROW EXECUTE FUNCTION chaos.gate({Gate.PLAN.value})
    """,
    f"""
    CREATE TRIGGER chaos_commit BEFORE UPDATE OF turn_index ON turns.turns
    FOR EACH ROW EXECUTE FUNCTION chaos.gate({Gate.COMMIT.value})
    """,
    f"""
    CREATE TRIGGER chaos_delivered BEFORE UPDATE OF state ON turns.outbox
    FOR EACH ROW WHEN (NEW.state = 'DELIVERED' AND NEW.destination = 'outbound')
    EXECUTE FUNCTION chaos.gate({Gate.DELIVERED.value})
    """,
    f"""
    CREATE TRIGGER chaos_conclude BEFORE UPDATE OF state ON effects.effects
    FOR EACH ROW WHEN (NEW.state IN ('DONE', 'FAILED') AND NEW.policy = 'IRREVERSIBLE')
    EXECUTE FUNCTION chaos.gate({Gate.CONCLUDE.value})
    """,
    f"""
    CREATE TRIGGER chaos_held AFTER INSERT OR UPDATE OF reservation_id ON effects.effects
    FOR EACH ROW WHEN (NEW.policy = 'IRREVERSIBLE') EXECUTE FUNCTION chaos.gate({Gate.RESERVED.value})
    """,
    # A trigger would come too late here: the function looks at the fence before it writes a row.
    "ALTER FUNCTION effects.reserve RENAME TO reserve_itself",
    f"""
    CREATE FUNCTION effects.reserve(
      text, text, text, text, text, text, text, text, text, text, bigint, text, text, bigint, text, interval,
      integer DEFAULT NULL
    ) RETURNS TABLE (outcome text, fence bigint, effect effects.effects) LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM chaos.pass({Gate.RESERVE.value});
      RETURN QUERY SELECT * FROM effects.reserve_itself(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17);
    END $$
    """,
    """
    CREATE TABLE chaos.audit (
      position bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
      act text NOT NULL, session_id text NOT NULL, epoch bigint NOT NULL
    )
    """,
    """
    CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO chaos.audit (act, session_id, epoch) VALUES (TG_ARGV[0], NEW.session_id, NEW.epoch);
      RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER chaos_fenced AFTER INSERT OR UPDATE OF epoch ON effects.fences
    FOR EACH ROW EXECUTE FUNCTION chaos.note('fenced')
    """,
    """
    CREATE TRIGGER chaos_reserved AFTER INSERT OR UPDATE OF reservation_id ON effects.effects
    FOR EACH ROW EXECUTE FUNCTION chaos.note('reserved')
    """,
)


async def install(url: str) -> None:
    """Add the schema `chaos` to a migrated database."""
    async with _connected(url) as connection, connection.transaction():
        for statement in _SCHEMA:
            await connection.execute(statement)


@dataclass(frozen=True)
class Closed:
    """A closed gate."""

    gate: Gate
    connection: asyncpg.Connection

    async def reached(self, count: int = 1, timeout_s: float = 15) -> None:
        """Wait until so many statements wait at the gate."""

        async def waiting() -> bool:
            return len(await self._waiting()) >= count

        await until(waiting, f"{count} at gate {self.gate.name}", timeout_s)

    async def abort(self) -> None:
        """What waits at the gate fails and is rolled back."""
        for pid in await self._waiting():
            await self.connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)

    async def open(self) -> None:
        """Let everybody through; opening twice is one opening."""
        await self.connection.execute("SELECT pg_advisory_unlock_all()")

    async def passed(self, timeout_s: float = 15) -> None:
        """Wait until nobody is at the opened gate and whoever went through has ended its transaction."""

        async def nobody() -> bool:
            query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::bigint::oid"
            return not await self.connection.fetchval(query, LOCK_CLASS)

        await until(nobody, f"gate {self.gate.name} empty", timeout_s)

    async def _waiting(self) -> list[int]:
        rows = await self.connection.fetch(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND classid = $1::bigint::oid AND objid = $2::bigint::oid",
            LOCK_CLASS,
            self.gate.value,
        )
        return [row["pid"] for row in rows]


@asynccontextmanager
async def closed(url: str, gate: Gate) -> AsyncIterator[Closed]:
    """Keep a gate closed until it is opened, the block ends, or the database dies."""
    async with _connected(url) as connection:
        await connection.execute("SELECT pg_advisory_lock($1, $2)", LOCK_CLASS, gate.value)
        yield Closed(gate, connection)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            await connection.close(timeout=2)
