"""Confirmations: questions that calls need a yes to. One per session, tool, arguments and approver is open at a
time; those that were used, declined or lapsed stay as the record of who agreed to what.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE effects.confirmations (
        confirmation_id text PRIMARY KEY,
        position bigint GENERATED ALWAYS AS IDENTITY,
        tenant_id text NOT NULL,
        session_id text NOT NULL,
        tool_name text NOT NULL,
        arguments_hash text NOT NULL,
        arguments_json text NOT NULL,
        prompt text NOT NULL,
        approver text NOT NULL CHECK (approver IN ('CUSTOMER', 'OPERATOR')),
        state text NOT NULL CHECK (state IN ('ASKED', 'ACCEPTED', 'DECLINED', 'USED', 'EXPIRED')),
        ttl interval NOT NULL,
        asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        expires_at timestamptz NOT NULL,
        answered_at timestamptz,
        answered_by text NOT NULL DEFAULT '',
        answered_yes boolean,
        answer_request text NOT NULL DEFAULT '',
        declined_in text NOT NULL DEFAULT '',
        used_by text NOT NULL DEFAULT '',
        used_at timestamptz
    )
    """,
    """
    CREATE UNIQUE INDEX confirmations_one_open
        ON effects.confirmations (tenant_id, session_id, tool_name, approver, arguments_hash)
        WHERE state IN ('ASKED', 'ACCEPTED')
    """,
    """
    CREATE INDEX confirmations_of_call
        ON effects.confirmations (tenant_id, session_id, tool_name, arguments_hash, position)
    """,
    "CREATE INDEX confirmations_of_session ON effects.confirmations (tenant_id, session_id, position)",
    "CREATE INDEX confirmations_of_tenant ON effects.confirmations (tenant_id, position)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
