"""What is held against customers."""

from alembic import op

revision = "0014"
down_revision = "0013"

_STATEMENTS = (
    # `holds_until` is infinity for what does not end by itself; `lift_id` groups what one call ended.
    """
    CREATE TABLE turns.abuse (
      abuse_id    text PRIMARY KEY,
      tenant_id   text NOT NULL,
      customer_id text NOT NULL,
      level       text NOT NULL,
      cause       text NOT NULL,
      evidence    jsonb NOT NULL,
      reason      text NOT NULL,
      noted_by    text NOT NULL,
      since       timestamptz NOT NULL DEFAULT clock_timestamp(),
      holds_until timestamptz NOT NULL,
      lifted_at   timestamptz,
      lifted_by   text NOT NULL DEFAULT '',
      lift_reason text NOT NULL DEFAULT '',
      lift_id     text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX abuse_of_tenant ON turns.abuse (tenant_id, abuse_id)",
    "CREATE INDEX abuse_of_customer ON turns.abuse (tenant_id, customer_id, abuse_id)",
    "CREATE INDEX abuse_standing ON turns.abuse (abuse_id) WHERE lifted_at IS NULL AND level <> 'LOW'",
    "CREATE INDEX abuse_by_end ON turns.abuse (least(holds_until, lifted_at))",
    # What is held against a customer holds at all its addresses, and its latest session tells of it.
    "CREATE INDEX identities_of_customer ON turns.channel_identities (tenant_id, customer_id)",
    "CREATE INDEX sessions_of_customer ON turns.sessions (tenant_id, customer_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
