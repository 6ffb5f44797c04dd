"""Overrides of channel policies, and the requests that changed something once."""

from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = (
    # An empty agent or channel means all: NULL would not be unique.
    """
    CREATE TABLE turns.channel_policies (
      tenant_id  text NOT NULL,
      agent_id   text NOT NULL DEFAULT '',
      channel    text NOT NULL DEFAULT '',
      fields     jsonb NOT NULL,
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (tenant_id, agent_id, channel)
    )
    """,
    """
    CREATE TABLE turns.requests (
      tenant_id    text NOT NULL,
      method       text NOT NULL,
      request_id   text NOT NULL,
      content_hash text NOT NULL,
      created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (tenant_id, method, request_id)
    )
    """,
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)
