"""Webhooks and what is on its way to them."""

from alembic import op

revision = "0010"
down_revision = "0009"

_STATEMENTS = (
    # `minute` and `minute_posts` pace a webhook; `claimed_at` gives each its turn.
    """
    CREATE TABLE turns.webhooks (
      webhook_id          text PRIMARY KEY,
      tenant_id           text NOT NULL,
      url                 text NOT NULL,
      patterns            text[] NOT NULL,
      secret              text NOT NULL,
      former_secret       text NOT NULL DEFAULT '',
      former_secret_until timestamptz,
      enabled             boolean NOT NULL,
      disabled_reason     text NOT NULL DEFAULT '',
      exhausted           integer NOT NULL DEFAULT 0,
      verified_at         timestamptz,
      created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
      updated_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
      claimed_at          timestamptz NOT NULL DEFAULT '-infinity',
      minute              timestamptz NOT NULL DEFAULT '-infinity',
      minute_posts        integer NOT NULL DEFAULT 0
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX webhooks_of_tenant ON turns.webhooks (tenant_id, webhook_id)",
    """
    CREATE TABLE turns.webhook_deliveries (
      delivery_id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
      webhook_id      text NOT NULL,
      session_id      text NOT NULL,
      "offset"        bigint NOT NULL,
      name            text NOT NULL,
      state           text NOT NULL DEFAULT 'PENDING',
      attempts        integer NOT NULL DEFAULT 0,
      status_code     integer NOT NULL DEFAULT 0,
      error           text NOT NULL DEFAULT '',
      next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      claimed_until   timestamptz,
      created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
      settled_at      timestamptz
    ) WITH (fillfactor = 70)
    """,
    """
    CREATE INDEX webhook_deliveries_due ON turns.webhook_deliveries (webhook_id, next_attempt_at)
    WHERE state = 'PENDING'
    """,
    "CREATE INDEX webhook_deliveries_of ON turns.webhook_deliveries (webhook_id, delivery_id)",
    "CREATE INDEX webhook_deliveries_by_age ON turns.webhook_deliveries (created_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
