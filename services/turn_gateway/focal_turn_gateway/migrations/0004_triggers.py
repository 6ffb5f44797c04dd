"""Turns without a customer message, and what calls about turns came to."""

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = (
    # `turn_id` follows the turn when it is superseded; `consumed_at` says that the turn which answers it ended.
    """
    CREATE TABLE turns.triggers (
      trigger_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
      tenant_id   text NOT NULL,
      session_id  text NOT NULL REFERENCES turns.sessions,
      turn_id     text NOT NULL REFERENCES turns.turns,
      cause       text NOT NULL,
      cause_id    text NOT NULL,
      payload     text NOT NULL,
      created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
      consumed_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX triggers_open ON turns.triggers (session_id, cause, cause_id) WHERE consumed_at IS NULL",
    "CREATE INDEX triggers_waiting ON turns.triggers (created_at) WHERE consumed_at IS NULL",
    "CREATE INDEX triggers_of_turn ON turns.triggers (turn_id)",
    # The id of what the first call with this request id came to.
    "ALTER TABLE turns.requests ADD COLUMN subject text NOT NULL DEFAULT ''",
    # Messages that ended with a turn are listed with it.
    "CREATE INDEX messages_of_turn ON turns.messages (turn_id) WHERE turn_id IS NOT NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
