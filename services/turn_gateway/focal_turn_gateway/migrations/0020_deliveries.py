"""Why a delivery stands where it does, and indexes that lead to those that somebody looks for."""

from alembic import op

revision = "0020"
down_revision = "0019"

_STATEMENTS = (
    # `attempts` names a claim and only grows; `forgiven` of them do not count since somebody asked for more.
    """
    ALTER TABLE turns.outbox ADD COLUMN reason text NOT NULL DEFAULT '',
      ADD COLUMN forgiven integer NOT NULL DEFAULT 0, ADD COLUMN settled_at timestamptz,
      ADD CONSTRAINT outbox_state CHECK (state IN ('PENDING', 'SENDING', 'DELIVERED', 'FAILED', 'IN_DOUBT'))
    """,
    # What is being sent holds back what comes behind it, as what waits does.
    "DROP INDEX turns.outbox_pending",
    """
    CREATE INDEX outbox_open ON turns.outbox (destination, session_id, outbox_id)
      WHERE state IN ('PENDING', 'SENDING')
    """,
    """
    CREATE INDEX outbox_unsettled ON turns.outbox (tenant_id, outbox_id) WHERE state IN ('FAILED', 'IN_DOUBT')
    """,
    "CREATE INDEX outbox_of_session ON turns.outbox (session_id, outbox_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
