"""A column."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE toy.thing ADD COLUMN name text NOT NULL DEFAULT ''")
