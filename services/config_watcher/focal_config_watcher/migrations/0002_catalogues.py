"""Catalogues of tools: the platform's, whose tenant is '', and each tenant's."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = (
    # A writer states the revision it has read; the row is the lock under which it grows.
    """
    CREATE TABLE config.catalogues (
        tenant_id text COLLATE "C" PRIMARY KEY,
        revision  bigint NOT NULL
    )
    """,
    # An adopted tool refers to the platform's of the same name, which therefore cannot be deleted.
    """
    CREATE TABLE config.catalogue_tools (
        tenant_id text COLLATE "C" NOT NULL REFERENCES config.catalogues,
        name text COLLATE "C" NOT NULL,
        adopted boolean NOT NULL CHECK (NOT adopted OR tenant_id <> ''),
        adopted_from text COLLATE "C" GENERATED ALWAYS AS (CASE WHEN adopted THEN '' END) STORED,
        definition text NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, name),
        FOREIGN KEY (adopted_from, name) REFERENCES config.catalogue_tools (tenant_id, name)
    )
    """,
    """
    CREATE INDEX catalogue_tools_adopted ON config.catalogue_tools (name) WHERE adopted
    """,
)


def upgrade() -> None:
    """Create both."""
    for statement in _TABLES:
        op.execute(statement)
