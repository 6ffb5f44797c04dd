"""A table."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table."""
    op.execute("CREATE TABLE toy.thing (id bigint PRIMARY KEY)")
