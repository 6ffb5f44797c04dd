"""By what detectors of abuse find what is recent, and when they last looked."""

from alembic import op

revision = "0017"
down_revision = "0016"

_STATEMENTS = (
    # Rows come in the order of their time: a summary of page ranges finds the latest, and costs a write nearly nothing.
    """
    CREATE INDEX messages_by_time ON turns.messages USING brin (received_at)
      WITH (pages_per_range = 32, autosummarize = on)
    """,
    """
    CREATE INDEX turns_by_time ON turns.turns USING brin (opened_at)
      WITH (pages_per_range = 32, autosummarize = on)
    """,
    "CREATE INDEX events_of_policy ON turns.events (occurred_at) WHERE starts_with(name, 'policy.')",
    "CREATE TABLE turns.abuse_looks (looked_at timestamptz NOT NULL)",
    "INSERT INTO turns.abuse_looks VALUES ('-infinity')",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
