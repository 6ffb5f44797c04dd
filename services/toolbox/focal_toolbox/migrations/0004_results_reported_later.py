"""Results that are reported later: the state ACCEPTED, one-time tokens, and follow-up turns that are to be opened.

An accepted effect keeps its business key blocked: the same operation must not begin before its end is known.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "ALTER TABLE effects.effects DROP CONSTRAINT effects_state_check",
    """
    ALTER TABLE effects.effects ADD CONSTRAINT effects_state_check CHECK (state IN (
        'PREPARED', 'ACCEPTED', 'DONE', 'FAILED', 'IN_DOUBT', 'COMPENSATING', 'COMPENSATED'))
    """,
    "DROP INDEX effects.effects_one_open_per_business_key",
    """
    CREATE UNIQUE INDEX effects_one_open_per_business_key
        ON effects.effects (tenant_id, tool_name, business_key)
        WHERE state IN ('PREPARED', 'ACCEPTED', 'COMPENSATING') OR (state = 'IN_DOUBT' AND policy <> 'IDEMPOTENT')
    """,
    "CREATE INDEX effects_accepted ON effects.effects (effect_id) WHERE state = 'ACCEPTED'",
    # The token itself is nowhere: who reads this table cannot report.
    """
    CREATE TABLE effects.result_tokens (
        token_hash text PRIMARY KEY,
        tenant_id text NOT NULL,
        effect_id text NOT NULL,
        reservation_id text NOT NULL,
        awaited_by text NOT NULL,
        awaited_until timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        reported_at timestamptz,
        report_hash text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX result_tokens_of_effect ON effects.result_tokens (effect_id)",
    "CREATE INDEX result_tokens_by_age ON effects.result_tokens (expires_at)",
    """
    CREATE TABLE effects.follow_ups (
        effect_id text PRIMARY KEY,
        tenant_id text NOT NULL,
        session_id text NOT NULL,
        awaited_by text NOT NULL,
        due_at timestamptz NOT NULL,
        claimed_until timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "CREATE INDEX follow_ups_by_due ON effects.follow_ups (due_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
