"""Effects in doubt: when they are asked about, and what was said about them.

A statement stays with the effect until the effect is tried again; the audit keeps every one.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    """
    ALTER TABLE effects.effects
        ADD COLUMN checks integer NOT NULL DEFAULT 0,
        ADD COLUMN check_at timestamptz NOT NULL DEFAULT '-infinity',
        ADD COLUMN checking_until timestamptz NOT NULL DEFAULT '-infinity',
        ADD COLUMN resolved_by text NOT NULL DEFAULT '',
        ADD COLUMN check_tool text NOT NULL DEFAULT '',
        ADD COLUMN resolution text NOT NULL DEFAULT '',
        ADD COLUMN resolved_at timestamptz
    """,
    """
    CREATE TABLE effects.resolutions (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id text NOT NULL,
        effect_id text NOT NULL,
        reservation_id text NOT NULL,
        state text NOT NULL CHECK (state IN ('DONE', 'FAILED')),
        resolved_by text NOT NULL,
        check_tool text NOT NULL,
        resolution text NOT NULL,
        resolved_at timestamptz NOT NULL,
        request_id text,
        content_hash text NOT NULL,
        CONSTRAINT resolutions_request UNIQUE (tenant_id, request_id)
    )
    """,
    "CREATE INDEX resolutions_of_effect ON effects.resolutions (tenant_id, effect_id, position)",
    "CREATE INDEX effects_to_check ON effects.effects (check_at) WHERE state = 'IN_DOUBT'",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
