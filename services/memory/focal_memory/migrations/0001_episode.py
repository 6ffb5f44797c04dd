"""Episodes, their narrow vector table and what goes with them.

Both tables are partitioned by tenant: a large tenant gets a LIST partition of its own (see
`adapters.postgres.partitions`), all others share the hashed default. An open end of time is
'infinity', so that every as-of filter is a plain comparison.
"""

from alembic import op

revision = "0001"
down_revision = None

TAIL_PARTITIONS = 8

STATEMENTS = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    """
    CREATE TABLE memory.embedding_model (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        model text NOT NULL,
        dimensions integer NOT NULL,
        claimed_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE SEQUENCE memory.episode_no",
    """
    CREATE TABLE memory.episode (
        tenant_id text NOT NULL,
        no bigint NOT NULL DEFAULT nextval('memory.episode_no'),
        episode_id text NOT NULL,
        session_id text NOT NULL,
        customer_id text NOT NULL,
        content text NOT NULL,
        kind smallint NOT NULL,
        source smallint NOT NULL,
        metadata jsonb NOT NULL,
        words tsvector NOT NULL,
        valid_from timestamptz NOT NULL,
        valid_to timestamptz NOT NULL DEFAULT 'infinity',
        recorded_at timestamptz NOT NULL DEFAULT now(),
        retired_at timestamptz NOT NULL DEFAULT 'infinity',
        PRIMARY KEY (tenant_id, no)
    ) PARTITION BY LIST (tenant_id)
    """,
    """
    CREATE UNIQUE INDEX episode_current ON memory.episode (tenant_id, episode_id)
        WHERE retired_at = 'infinity'
    """,
    "CREATE INDEX episode_customer ON memory.episode (tenant_id, customer_id)",
    "CREATE INDEX episode_session ON memory.episode (tenant_id, session_id)",
    # Without fastupdate: its pending list is read in full by every search.
    "CREATE INDEX episode_words ON memory.episode USING gin (words) WITH (fastupdate = off)",
    # MAIN keeps a vector inside its row, also one over 2 kB: out of line it scans four times slower.
    """
    CREATE TABLE memory.episode_vector (
        tenant_id text NOT NULL,
        no bigint NOT NULL,
        customer_id text NOT NULL,
        session_id text NOT NULL,
        valid_from timestamptz NOT NULL,
        valid_to timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        retired_at timestamptz NOT NULL,
        embedding halfvec STORAGE MAIN NOT NULL,
        PRIMARY KEY (tenant_id, no)
    ) PARTITION BY LIST (tenant_id)
    """,
    "CREATE INDEX episode_vector_customer ON memory.episode_vector (tenant_id, customer_id)",
    "CREATE INDEX episode_vector_session ON memory.episode_vector (tenant_id, session_id)",
    """
    CREATE TABLE memory.forgotten_group (
        tenant_id text NOT NULL,
        session_id text NOT NULL,
        forgotten_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, session_id)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    for table in ("episode", "episode_vector"):
        _create_tail(f"memory.{table}")


def _create_tail(table: str) -> None:
    op.execute(f"CREATE TABLE {table}_tail PARTITION OF {table} DEFAULT PARTITION BY HASH (tenant_id)")
    for part in range(TAIL_PARTITIONS):
        op.execute(
            f"CREATE TABLE {table}_tail_{part} PARTITION OF {table}_tail"
            f" FOR VALUES WITH (MODULUS {TAIL_PARTITIONS}, REMAINDER {part})"
        )
