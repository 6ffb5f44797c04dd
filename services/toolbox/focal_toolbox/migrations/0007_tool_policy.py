"""Rules of tenants' tool policies, and the requests that changed one once."""

from alembic import op

revision = "0007"
down_revision = "0006"

_TABLES = (
    """
    CREATE TABLE effects.policy_rules (
        tenant_id text NOT NULL,
        rule_id text NOT NULL,
        position integer NOT NULL,
        tools text NOT NULL,
        agents text NOT NULL,
        side_effects text[] NOT NULL,
        condition text NOT NULL,
        decision text NOT NULL CHECK (decision IN ('ALLOW', 'DENY', 'NEED_APPROVAL')),
        approver text NOT NULL CHECK (approver IN ('CUSTOMER', 'OPERATOR')),
        reason text NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_by text NOT NULL,
        PRIMARY KEY (tenant_id, rule_id)
    )
    """,
    """
    CREATE TABLE effects.policy_requests (
        tenant_id text NOT NULL,
        request_id text NOT NULL,
        content_hash text NOT NULL,
        answer effects.policy_rules,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (tenant_id, request_id)
    )
    """,
)

_INDEX = "CREATE INDEX policy_rules_in_order ON effects.policy_rules (tenant_id, position, rule_id)"


def upgrade() -> None:
    for statement in (*_TABLES, _INDEX):
        op.execute(statement)
