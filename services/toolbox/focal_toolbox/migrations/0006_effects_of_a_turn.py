"""Effects of a turn, which are counted before each reservation."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("CREATE INDEX effects_of_turn ON effects.effects (tenant_id, turn_id)")
