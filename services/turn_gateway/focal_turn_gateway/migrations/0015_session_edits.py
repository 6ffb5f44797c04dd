"""What operators change in a session, and how often its state has changed."""

from alembic import op

revision = "0015"
down_revision = "0014"

_STATEMENTS = (
    # `edits` came while a turn ran and wait for its end: {"variables": {name: JSON text or null}, "moves": […]}.
    """
    ALTER TABLE turns.sessions
      ADD COLUMN edits         jsonb,
      ADD COLUMN state_version bigint NOT NULL DEFAULT 0
    """,
    """
    CREATE OR REPLACE VIEW turns.session_overview AS
    SELECT session_id, tenant_id, agent_id, customer_id, channel, ended_at IS NOT NULL AS ended, config_version,
           turn_count, epoch, state, created_at, updated_at, event_offset AS last_offset,
           (SELECT count(*) FROM turns.messages m
            WHERE m.session_id = s.session_id AND m.turn_id IS NULL) AS open_messages,
           edits, state_version
    FROM turns.sessions s
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
