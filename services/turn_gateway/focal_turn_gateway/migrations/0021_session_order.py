"""Sessions are listed by when they were updated."""

from alembic import op

revision = "0021"
down_revision = "0020"

_STATEMENTS = (
    # An index on `updated_at` would be written with every step of a turn. This one is written once a minute at most;
    # the order within a minute is sorted by whoever lists.
    """
    ALTER TABLE turns.sessions ADD COLUMN updated_minute timestamptz
      GENERATED ALWAYS AS (date_bin('1 minute', updated_at, timestamptz '2000-01-01 00:00:00+00')) STORED
    """,
    "CREATE INDEX sessions_by_update ON turns.sessions (tenant_id, updated_minute)",
    """
    CREATE OR REPLACE VIEW turns.session_overview AS
    SELECT session_id, tenant_id, agent_id, customer_id, channel, ended_at IS NOT NULL AS ended, config_version,
           turn_count, epoch, state, created_at, updated_at, event_offset AS last_offset,
           (SELECT count(*) FROM turns.messages m
            WHERE m.session_id = s.session_id AND m.turn_id IS NULL) AS open_messages,
           edits, state_version, ended_at, ended_by, end_reason, updated_minute
    FROM turns.sessions s
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
