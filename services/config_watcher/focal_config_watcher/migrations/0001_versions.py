"""Tenants, agents with their pointers, versions with sources and parts, request ids."""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE config.tenants (
        tenant_id  text COLLATE "C" PRIMARY KEY,
        name       text NOT NULL,
        tier       text NOT NULL CHECK (tier IN ('free', 'pro', 'enterprise')),
        created_at timestamptz NOT NULL
    )
    """,
    # The row is the lock under which versions get their numbers and the pointer moves.
    """
    CREATE TABLE config.agents (
        tenant_id       text COLLATE "C" NOT NULL REFERENCES config.tenants,
        agent_id        text COLLATE "C" NOT NULL,
        last_version    bigint NOT NULL DEFAULT 0,
        current_version bigint,
        moves           bigint NOT NULL DEFAULT 0,
        moved_at        timestamptz,
        PRIMARY KEY (tenant_id, agent_id)
    )
    """,
    """
    CREATE TABLE config.versions (
        tenant_id            text COLLATE "C" NOT NULL,
        agent_id             text COLLATE "C" NOT NULL,
        version              bigint NOT NULL,
        content_hash         text NOT NULL,
        definition_hash      text NOT NULL,
        embedding_model      text NOT NULL,
        embedding_dimensions integer NOT NULL,
        note                 text NOT NULL,
        published_by         text NOT NULL,
        published_at         timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, agent_id, version),
        FOREIGN KEY (tenant_id, agent_id) REFERENCES config.agents
    )
    """,
    """
    ALTER TABLE config.agents ADD CONSTRAINT agents_current_version
        FOREIGN KEY (tenant_id, agent_id, current_version) REFERENCES config.versions
        DEFERRABLE INITIALLY DEFERRED
    """,
    """
    CREATE TABLE config.sources (
        tenant_id text COLLATE "C" NOT NULL,
        agent_id  text COLLATE "C" NOT NULL,
        version   bigint NOT NULL,
        path      text NOT NULL,
        content   text NOT NULL,
        PRIMARY KEY (tenant_id, agent_id, version, path),
        FOREIGN KEY (tenant_id, agent_id, version) REFERENCES config.versions
    )
    """,
    """
    CREATE TABLE config.parts (
        tenant_id text COLLATE "C" NOT NULL,
        agent_id  text COLLATE "C" NOT NULL,
        version   bigint NOT NULL,
        ordinal   integer NOT NULL,
        name      text NOT NULL,
        size      bigint NOT NULL,
        sha256    text NOT NULL,
        content   bytea NOT NULL,
        PRIMARY KEY (tenant_id, agent_id, version, name),
        FOREIGN KEY (tenant_id, agent_id, version) REFERENCES config.versions
    )
    """,
    # Who moved a pointer, where to and why; only ever appended.
    """
    CREATE TABLE config.pointer_moves (
        tenant_id text COLLATE "C" NOT NULL,
        agent_id  text COLLATE "C" NOT NULL,
        moves     bigint NOT NULL,
        version   bigint NOT NULL,
        moved_by  text NOT NULL,
        moved_at  timestamptz NOT NULL,
        reason    text NOT NULL,
        PRIMARY KEY (tenant_id, agent_id, moves),
        FOREIGN KEY (tenant_id, agent_id) REFERENCES config.agents
    )
    """,
    # A concurrent repeat waits on the primary key until the first one's transaction ends.
    """
    CREATE TABLE config.requests (
        scope       text COLLATE "C" NOT NULL,
        method      text NOT NULL,
        request_id  text NOT NULL,
        fingerprint text NOT NULL,
        response    text NOT NULL DEFAULT '',
        created_at  timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (scope, method, request_id)
    )
    """,
)


def upgrade() -> None:
    """Create everything."""
    for statement in _TABLES:
        op.execute(statement)
