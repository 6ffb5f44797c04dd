"""What channel adapters reported about the parts of replies."""

from alembic import op

revision = "0011"
down_revision = "0010"

_TABLES = (
    """
    CREATE TABLE turns.receipts (
      tenant_id           text NOT NULL,
      dedupe_key          text NOT NULL,
      session_id          text NOT NULL,
      turn_id             text NOT NULL,
      segment             integer NOT NULL,
      part                integer NOT NULL,
      channel             text NOT NULL,
      state               text NOT NULL,
      provider_message_id text NOT NULL DEFAULT '',
      reason              text NOT NULL DEFAULT '',
      updated_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (tenant_id, dedupe_key)
    )
    """,
    "CREATE INDEX receipts_of_turn ON turns.receipts (tenant_id, turn_id, segment, part)",
    """
    CREATE INDEX receipts_of_provider ON turns.receipts (tenant_id, channel, provider_message_id)
      WHERE provider_message_id <> ''
    """,
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)
