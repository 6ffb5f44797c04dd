"""Who ended a session, and why."""

from alembic import op

revision = "0016"
down_revision = "0015"

_STATEMENTS = (
    """
    ALTER TABLE turns.sessions
      ADD COLUMN ended_by   text NOT NULL DEFAULT '',
      ADD COLUMN end_reason text NOT NULL DEFAULT ''
    """,
    """
    CREATE OR REPLACE VIEW turns.session_overview AS
    SELECT session_id, tenant_id, agent_id, customer_id, channel, ended_at IS NOT NULL AS ended, config_version,
           turn_count, epoch, state, created_at, updated_at, event_offset AS last_offset,
           (SELECT count(*) FROM turns.messages m
            WHERE m.session_id = s.session_id AND m.turn_id IS NULL) AS open_messages,
           edits, state_version, ended_at, ended_by, end_reason
    FROM turns.sessions s
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
