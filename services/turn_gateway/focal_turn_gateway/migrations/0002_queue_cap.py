"""How far the running attempt reaches: what came behind it waits, and what waits is capped."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The last message that the running attempt started with; NULL while no attempt runs.
    op.execute("ALTER TABLE turns.sessions ADD COLUMN taken_sequence bigint")
