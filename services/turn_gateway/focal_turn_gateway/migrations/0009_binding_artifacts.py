"""Which artifacts bind their turn; those stored before are tool plans, and all of them do."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE turns.artifacts ADD COLUMN binding boolean NOT NULL DEFAULT true")
