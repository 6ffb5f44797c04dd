"""Contacts of customers with their consent, and the replies that were sent on another channel."""

from alembic import op

revision = "0019"
down_revision = "0018"

_STATEMENTS = (
    """
    CREATE TABLE turns.contacts (
      tenant_id   text NOT NULL,
      customer_id text NOT NULL,
      channel     text NOT NULL,
      address     text NOT NULL,
      verified    boolean NOT NULL,
      opted_in    boolean NOT NULL,
      source      text NOT NULL,
      since       timestamptz NOT NULL,
      updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (tenant_id, customer_id, channel)
    )
    """,
    # A segment leaves a channel once, whichever of its parts failed there; to_channel is empty when it went nowhere.
    """
    CREATE TABLE turns.fallbacks (
      tenant_id    text NOT NULL,
      turn_id      text NOT NULL,
      segment      integer NOT NULL,
      from_channel text NOT NULL,
      to_channel   text NOT NULL DEFAULT '',
      parts        integer NOT NULL DEFAULT 0,
      created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (tenant_id, turn_id, segment, from_channel)
    )
    """,
    "CREATE INDEX fallbacks_sent ON turns.fallbacks (tenant_id, to_channel, created_at) WHERE to_channel <> ''",
    "CREATE INDEX fallbacks_age ON turns.fallbacks (created_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
