"""Which doubts a caller was told of: their end is told to the customer, the end of others nobody waits for."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE effects.effects ADD COLUMN doubt_told boolean NOT NULL DEFAULT false")
