"""Compensations: effects that undo others, and the two states of what they undo.

An effect that is being undone keeps its business key blocked: the same operation must not begin before
its undoing has ended.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE effects.effects DROP CONSTRAINT effects_state_check",
    """
    ALTER TABLE effects.effects ADD CONSTRAINT effects_state_check
        CHECK (state IN ('PREPARED', 'DONE', 'FAILED', 'IN_DOUBT', 'COMPENSATING', 'COMPENSATED'))
    """,
    # Whose definition of the tool says how it is undone; unknown for rows of earlier releases.
    "ALTER TABLE effects.effects ADD COLUMN agent_id text NOT NULL DEFAULT ''",
    "ALTER TABLE effects.effects ADD COLUMN config_version bigint NOT NULL DEFAULT 0",
    "ALTER TABLE effects.effects ADD COLUMN compensates text NOT NULL DEFAULT ''",
    "DROP INDEX effects.effects_one_open_per_business_key",
    """
    CREATE UNIQUE INDEX effects_one_open_per_business_key
        ON effects.effects (tenant_id, tool_name, business_key)
        WHERE state IN ('PREPARED', 'COMPENSATING') OR (state = 'IN_DOUBT' AND policy <> 'IDEMPOTENT')
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
