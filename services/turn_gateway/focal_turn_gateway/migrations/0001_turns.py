"""Sessions, messages, turns, events, artifacts and the outbox."""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE turns.gateways (
      number       integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
      instance     text NOT NULL,
      heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE turns.channel_identities (
      tenant_id         text NOT NULL,
      channel           text NOT NULL,
      channel_user_hash text NOT NULL,
      channel_user_id   text NOT NULL,
      customer_id       text NOT NULL,
      created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (tenant_id, channel, channel_user_hash)
    )
    """,
    # The row is updated several times a turn: room on its page keeps those updates off the indexes.
    """
    CREATE TABLE turns.sessions (
      session_id       text PRIMARY KEY,
      tenant_id        text NOT NULL,
      agent_id         text NOT NULL,
      customer_id      text NOT NULL,
      channel          text NOT NULL,
      epoch            bigint NOT NULL DEFAULT 0,
      message_sequence bigint NOT NULL DEFAULT 0,
      event_offset     bigint NOT NULL DEFAULT 0,
      turn_count       bigint NOT NULL DEFAULT 0,
      config_version   bigint NOT NULL DEFAULT 0,
      state            text NOT NULL DEFAULT '',
      open_turn_id     text,
      window_opened_at timestamptz,
      due_at           timestamptz,
      due_reason       text NOT NULL DEFAULT 'TIMEOUT',
      gateway          integer,
      created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
      updated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_at         timestamptz
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE UNIQUE INDEX sessions_key ON turns.sessions (tenant_id, agent_id, customer_id, channel)
      WHERE ended_at IS NULL
    """,
    "CREATE INDEX sessions_of_tenant ON turns.sessions (tenant_id, session_id)",
    """
    CREATE TABLE turns.messages (
      message_id          text PRIMARY KEY,
      tenant_id           text NOT NULL,
      session_id          text NOT NULL REFERENCES turns.sessions,
      sequence            bigint NOT NULL,
      request_id          text,
      content_hash        text NOT NULL,
      text                text NOT NULL,
      metadata            jsonb NOT NULL,
      provider_message_id text NOT NULL,
      received_at         timestamptz NOT NULL,
      disposition         text NOT NULL DEFAULT 'UNSPECIFIED',
      turn_id             text,
      UNIQUE (session_id, sequence)
    )
    """,
    "CREATE UNIQUE INDEX messages_request ON turns.messages (tenant_id, request_id) WHERE request_id IS NOT NULL",
    "CREATE INDEX messages_open ON turns.messages (session_id, sequence) WHERE turn_id IS NULL",
    "CREATE INDEX messages_waiting ON turns.messages (received_at) WHERE turn_id IS NULL",
    """
    CREATE TABLE turns.turns (
      turn_id         text PRIMARY KEY,
      tenant_id       text NOT NULL,
      session_id      text NOT NULL REFERENCES turns.sessions,
      turn_group_id   text NOT NULL,
      status          text NOT NULL,
      attempt         integer NOT NULL,
      epoch           bigint NOT NULL,
      cause           text NOT NULL,
      turn_index      bigint NOT NULL DEFAULT 0,
      superseded_by   text NOT NULL DEFAULT '',
      superseded_from text NOT NULL DEFAULT '',
      supersede_count integer NOT NULL DEFAULT 0,
      status_reason   text NOT NULL DEFAULT '',
      aggregation     text NOT NULL DEFAULT 'UNSPECIFIED',
      customer_text   text NOT NULL DEFAULT '',
      reply_text      text NOT NULL DEFAULT '',
      record          jsonb,
      opened_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
      closed_at       timestamptz
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX turns_of_session ON turns.turns (session_id, turn_id)",
    "CREATE UNIQUE INDEX turns_in_order ON turns.turns (session_id, turn_index) WHERE turn_index > 0",
    """
    CREATE TABLE turns.artifacts (
      turn_id                text NOT NULL REFERENCES turns.turns,
      name                   text NOT NULL,
      attempt                integer NOT NULL,
      data                   text NOT NULL,
      input_fingerprint      text NOT NULL,
      dependency_fingerprint text NOT NULL,
      created_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (turn_id, name)
    )
    """,
    """
    CREATE TABLE turns.events (
      session_id  text NOT NULL REFERENCES turns.sessions,
      "offset"    bigint NOT NULL,
      tenant_id   text NOT NULL,
      turn_id     text NOT NULL,
      attempt     integer NOT NULL,
      kind        text NOT NULL,
      body        jsonb NOT NULL,
      occurred_at timestamptz NOT NULL,
      PRIMARY KEY (session_id, "offset")
    )
    """,
    """
    CREATE TABLE turns.outbox (
      outbox_id       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
      tenant_id       text NOT NULL,
      session_id      text NOT NULL,
      destination     text NOT NULL,
      dedupe_key      text NOT NULL,
      payload         jsonb NOT NULL,
      state           text NOT NULL DEFAULT 'PENDING',
      attempts        integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      claimed_until   timestamptz,
      created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
      delivered_at    timestamptz,
      UNIQUE (destination, dedupe_key)
    ) WITH (fillfactor = 70)
    """,
    "CREATE INDEX outbox_pending ON turns.outbox (destination, session_id, outbox_id) WHERE state = 'PENDING'",
)

_VIEWS = (
    """
    CREATE VIEW turns.session_overview AS
    SELECT session_id, tenant_id, agent_id, customer_id, channel, ended_at IS NOT NULL AS ended, config_version,
           turn_count, epoch, state, created_at, updated_at, event_offset AS last_offset,
           (SELECT count(*) FROM turns.messages m
            WHERE m.session_id = s.session_id AND m.turn_id IS NULL) AS open_messages
    FROM turns.sessions s
    """,
    """
    CREATE VIEW turns.turn_overview AS
    SELECT tenant_id, turn_id, session_id, turn_group_id, status, attempt, turn_index, cause, opened_at, closed_at,
           superseded_by, superseded_from, aggregation AS aggregation_reason, status_reason, record
    FROM turns.turns
    """,
)


def upgrade() -> None:
    for statement in (*_TABLES, *_VIEWS):
        op.execute(statement)
