"""Up to where events of a tenant are past their retention and removed."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE turns.event_removals (
          tenant_id text PRIMARY KEY,
          xact      bigint NOT NULL,
          position  bigint NOT NULL
        )
        """
    )
