"""The effect ledger: tables, and the index that blocks business keys.

At most one effect per business key is open: PREPARED, or IN_DOUBT unless its tool is IDEMPOTENT (repeating
that one is safe, so doubt about it blocks nobody).
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE effects.instances (
        instance_id text PRIMARY KEY,
        lock_number integer GENERATED ALWAYS AS IDENTITY,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE effects.fences (
        tenant_id text NOT NULL,
        session_id text NOT NULL,
        epoch bigint NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (tenant_id, session_id)
    )
    """,
    """
    CREATE TABLE effects.effects (
        effect_id text PRIMARY KEY,
        position bigint GENERATED ALWAYS AS IDENTITY,
        tenant_id text NOT NULL,
        effect_key text NOT NULL,
        business_key text NOT NULL,
        tool_name text NOT NULL,
        policy text NOT NULL CHECK (policy IN ('IDEMPOTENT', 'COMPENSATABLE', 'IRREVERSIBLE')),
        state text NOT NULL CHECK (state IN ('PREPARED', 'DONE', 'FAILED', 'IN_DOUBT')),
        session_id text NOT NULL,
        turn_group_id text NOT NULL,
        turn_id text NOT NULL,
        epoch bigint NOT NULL,
        arguments_json text NOT NULL,
        result_json text NOT NULL DEFAULT '',
        error_reason text NOT NULL DEFAULT '',
        attempts integer NOT NULL,
        reservation_id text NOT NULL,
        instance_id text NOT NULL,
        prepared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        UNIQUE (tenant_id, effect_key)
    )
    """,
)

INDEXES = (
    """
    CREATE UNIQUE INDEX effects_one_open_per_business_key
        ON effects.effects (tenant_id, tool_name, business_key)
        WHERE state = 'PREPARED' OR (state = 'IN_DOUBT' AND policy <> 'IDEMPOTENT')
    """,
    "CREATE INDEX effects_of_session ON effects.effects (tenant_id, session_id, position)",
    "CREATE INDEX effects_of_tenant ON effects.effects (tenant_id, position)",
    "CREATE INDEX effects_prepared ON effects.effects (instance_id) WHERE state = 'PREPARED'",
)


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)
