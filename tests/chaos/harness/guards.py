"""The guards of the promises that live in the database, each with how to take it out.

A guard is removed by editing the source of its own SQL function, so that everything else stays as it
is; an edit that finds nothing fails, or a bite would prove nothing after the function was rewritten.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

# What a bite leaves behind may break the indexes that it took away.
_CLEAN = """
TRUNCATE turns.sessions, turns.messages, turns.turns, turns.artifacts, turns.events, turns.outbox,
         turns.channel_identities, turns.owned_addresses, turns.triggers, turns.requests, turns.receipts,
         turns.contacts, turns.fallbacks, turns.event_removals, turns.webhook_deliveries,
         effects.effects, effects.fences, effects.resolutions, chaos.audit
"""


@dataclass(frozen=True)
class Guard:
    """`edits` maps a function to a pattern in its source and the text that takes its place; `drops` maps
    statements that drop something to those that bring it back.
    """

    name: str
    edits: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    drops: Mapping[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def removed(self, url: str) -> AsyncIterator[None]:
        """The database without this guard; all conversations are gone afterwards."""
        originals = await _changed(url, self)
        try:
            yield
        finally:
            await _execute(url, _CLEAN, *originals, *self.drops.values())


async def _changed(url: str, guard: Guard) -> list[str]:
    """Take the guard out; returns the functions as they were."""
    originals = []
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for function, (pattern, replacement) in guard.edits.items():
            source = await connection.fetchval("SELECT pg_get_functiondef($1::text::regproc)", function)
            originals.append(source)
            await connection.execute(_edited(source, pattern, replacement))
        for statement in guard.drops:
            await connection.execute(statement)
    finally:
        await connection.close()
    return originals


def _edited(source: str, pattern: str, replacement: str) -> str:
    edited, count = re.subn(pattern, lambda _: replacement, source, flags=re.DOTALL)
    assert count, f"a guard has moved, nothing looks like {pattern!r} any more in {source}"
    return edited


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


_COMPARES_EPOCHS = (r"s\.epoch <> p_epoch", "false")
_RESERVE = "effects.reserve_itself"
_FORGIVES = (r"SET state = 'IN_DOUBT'", "SET state = 'FAILED'")
_ONE_OPEN = {
    "DROP INDEX effects.effects_one_open_per_business_key": """
    CREATE UNIQUE INDEX effects_one_open_per_business_key
    ON effects.effects (tenant_id, tool_name, business_key)
    WHERE state IN ('PREPARED', 'ACCEPTED', 'COMPENSATING')
        OR (state = 'IN_DOUBT' AND policy <> 'IDEMPOTENT')
    """
}

EPOCH = Guard("the comparison of epochs at the commit", edits={"turns.hold": _COMPARES_EPOCHS})

CONSUMPTION = Guard(
    "the count of consumed messages",
    # The epoch stands before it, the outbox's key behind it.
    edits={
        "turns.hold": _COMPARES_EPOCHS,
        "turns.commit_turn": (r"RAISE EXCEPTION 'messages are not[^;]*;", "NULL;"),
    },
    drops={
        "ALTER TABLE turns.outbox DROP CONSTRAINT outbox_destination_dedupe_key_key": """
        ALTER TABLE turns.outbox ADD CONSTRAINT outbox_destination_dedupe_key_key
        UNIQUE (destination, dedupe_key)
        """
    },
)

REQUEST_ID = Guard(
    "the uniqueness of request ids",
    edits={"turns.submit_message": (r"IF p_request_id <> '' THEN", "IF false THEN")},
    drops={
        "DROP INDEX turns.messages_request": """
        CREATE UNIQUE INDEX messages_request ON turns.messages (tenant_id, request_id)
        WHERE request_id IS NOT NULL
        """
    },
)

LEASE = Guard(
    "the notice that a gateway is dead",
    edits={"turns.live_gateways": (r"WHERE g\.heartbeat_at.*?;?\s*(?=\$function\$)", "\n")},
)

FENCE = Guard("the fence", edits={_RESERVE: (r"IF fence > p_epoch THEN", "IF false THEN")})

SENDING = Guard(
    "the record that a part is being sent",
    edits={"turns.begin_delivery": (r"SET state = 'SENDING', ", "SET ")},
)

EFFECT_KEY = Guard(
    "the uniqueness of effects",
    edits={
        _RESERVE: (
            r"SELECT \* INTO own .*ON CONFLICT.*?(?=RETURNING e\.\*)",
            """BEGIN
            INSERT INTO effects.effects AS e (
                effect_id, tenant_id, effect_key, business_key, tool_name, policy, state, session_id,
                turn_group_id, turn_id, epoch, arguments_json, attempts, reservation_id, instance_id
            ) VALUES (
                p_effect_id, p_tenant_id, p_effect_key, p_business_key, p_tool_name, p_policy,
                'PREPARED', p_session_id, p_turn_group_id, p_turn_id, p_epoch, p_arguments_json, 1,
                p_reservation_id, p_instance_id
            )
            """,
        )
    },
    drops={
        **_ONE_OPEN,
        "ALTER TABLE effects.effects DROP CONSTRAINT effects_tenant_id_effect_key_key": """
        ALTER TABLE effects.effects ADD CONSTRAINT effects_tenant_id_effect_key_key
        UNIQUE (tenant_id, effect_key)
        """,
    },
)

BUSINESS_KEY = Guard(
    "the block of business keys in doubt",
    edits={_RESERVE: (r"AND e\.effect_key <> p_effect_key", "AND false")},
    drops=_ONE_OPEN,
)

DOUBT = Guard(
    "the doubt about effects of a lost toolbox",
    edits=dict.fromkeys(("effects.fence_session", "effects.doubt_orphans", _RESERVE), _FORGIVES),
)
