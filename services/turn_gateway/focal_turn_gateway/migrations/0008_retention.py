"""Indexes that lead to what is past its retention."""

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = (
    # Only what still has a payload to lose: an event that was emptied leaves the index.
    """
    CREATE INDEX events_to_empty ON turns.events (occurred_at)
    WHERE kind = 'agent' AND body->>'category' IN ('rule', 'custom') AND body->>'payload_json' <> ''
    """,
    "CREATE INDEX outbox_delivered ON turns.outbox (delivered_at) WHERE state = 'DELIVERED'",
    "CREATE INDEX artifacts_by_age ON turns.artifacts (created_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
