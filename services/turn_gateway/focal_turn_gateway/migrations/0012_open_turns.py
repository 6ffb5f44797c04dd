"""When a turn's first attempt began, and an index of the turns that are open."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE turns.turns ADD COLUMN begun_at timestamptz")
    op.execute("CREATE INDEX turns_open ON turns.turns (tenant_id, turn_id) WHERE closed_at IS NULL")
