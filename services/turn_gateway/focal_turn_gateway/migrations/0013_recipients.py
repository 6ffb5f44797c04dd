"""Whom a session's replies go to: the id that the customer last wrote from."""

from alembic import op

revision = "0013"
down_revision = "0012"

_STATEMENTS = (
    "ALTER TABLE turns.sessions ADD COLUMN channel_user_id text NOT NULL DEFAULT ''",
    """
    UPDATE turns.sessions s SET channel_user_id = i.channel_user_id FROM turns.channel_identities i
    WHERE i.tenant_id = s.tenant_id AND i.channel = s.channel AND i.customer_id = s.customer_id
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
