"""Events get their full names, traces, and positions among the events of all sessions of their tenant."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    # `xact` is the id of the transaction that wrote the event, `position` puts those of one transaction in order.
    """
    ALTER TABLE turns.events
      ADD COLUMN name     text NOT NULL DEFAULT '',
      ADD COLUMN trace_id text NOT NULL DEFAULT '',
      ADD COLUMN xact     bigint NOT NULL DEFAULT 0,
      ADD COLUMN position bigint NOT NULL GENERATED ALWAYS AS IDENTITY
    """,
    """
    UPDATE turns.events SET name = CASE
      WHEN kind = 'agent' THEN concat(body->>'category', '.', body->>'type')
      WHEN kind = 'turn_aggregated' THEN 'infra.message.aggregated'
      WHEN kind <> 'supersede_decided' THEN 'infra.' || replace(kind, '_', '.')
      WHEN body->>'action' = 'SUPERSEDE' THEN 'infra.supersede.decided'
      WHEN body->>'action' = 'ABSORB' THEN 'infra.message.absorbed'
      ELSE 'infra.turn.queued'
    END
    """,
    "CREATE INDEX events_of_tenant ON turns.events (tenant_id, xact, position)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
