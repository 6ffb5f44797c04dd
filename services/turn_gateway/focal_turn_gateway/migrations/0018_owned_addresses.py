"""Addresses by which several channels know one customer."""

from alembic import op

revision = "0018"
down_revision = "0017"

_STATEMENTS = (
    # Whether the address that this identity is has an entry below, or was found to have one.
    "ALTER TABLE turns.channel_identities ADD COLUMN verified boolean NOT NULL DEFAULT false",
    """
    CREATE TABLE turns.owned_addresses (
      tenant_id   text NOT NULL,
      address     text NOT NULL,
      customer_id text NOT NULL,
      created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (tenant_id, address)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
