"""What the wait for the next message depends on: the customer's rhythm, the last turn's hint, signs of typing."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # The customer's latest gaps within a beat on this channel, milliseconds, oldest first.
    op.execute("ALTER TABLE turns.channel_identities ADD COLUMN gaps_ms integer[] NOT NULL DEFAULT '{}'")
    # Rows that learn change often and no index holds what changes.
    op.execute("ALTER TABLE turns.channel_identities SET (fillfactor = 80)")
    op.execute(
        """
        ALTER TABLE turns.sessions
          ADD COLUMN window_messages      integer NOT NULL DEFAULT 0,
          ADD COLUMN accumulation_hint    jsonb NOT NULL DEFAULT '{}',
          ADD COLUMN due_before_typing    timestamptz,
          ADD COLUMN reason_before_typing text
        """
    )
