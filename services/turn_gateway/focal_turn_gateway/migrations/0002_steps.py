"""The functions that change turns: each step of a turn is one call.

A worker frozen between two round trips therefore never holds a row lock. Functions raise SQLSTATE FC001 when the
caller's attempt is no longer the session's latest.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_MESSAGE_JSON = """
CREATE FUNCTION turns.message_json(m turns.messages) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('message_id', m.message_id, 'session_id', m.session_id, 'sequence', m.sequence,
    'text', m.text, 'received_at', m.received_at, 'request_id', coalesce(m.request_id, ''),
    'disposition', m.disposition, 'metadata', m.metadata, 'provider_message_id', m.provider_message_id)
$$
"""

_LIVE_GATEWAYS = """
CREATE FUNCTION turns.live_gateways(p_lease interval) RETURNS SETOF integer LANGUAGE sql VOLATILE AS $$
  -- Killed: the advisory lock of its connection is free at once. Frozen: its heartbeat grows old.
  SELECT g.number FROM turns.gateways g
  WHERE g.heartbeat_at > clock_timestamp() - p_lease
    AND EXISTS (
      SELECT 1 FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7401 AND l.objid = g.number::oid AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
$$
"""

_APPEND_EVENTS = """
CREATE FUNCTION turns.append_events(p_session_id text, p_events jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
-- Appends [{kind, turn_id, attempt, body}] and returns the offset of the first. The caller holds the session's lock.
DECLARE
  v_base bigint;
  v_tenant text;
BEGIN
  UPDATE turns.sessions SET event_offset = event_offset + jsonb_array_length(p_events)
  WHERE session_id = p_session_id
  RETURNING event_offset - jsonb_array_length(p_events), tenant_id INTO v_base, v_tenant;
  INSERT INTO turns.events (session_id, "offset", tenant_id, turn_id, attempt, kind, body, occurred_at)
  SELECT p_session_id, v_base + x.ord, v_tenant, x.e->>'turn_id', (x.e->>'attempt')::integer, x.e->>'kind',
         x.e->'body', now()
  FROM jsonb_array_elements(p_events) WITH ORDINALITY AS x(e, ord);
  RETURN v_base + 1;
END $$
"""

_SUBMIT_MESSAGE = """
CREATE FUNCTION turns.submit_message(
  p_tenant_id text, p_agent_id text, p_channel text, p_user_hash text, p_user_id text, p_customer_id text,
  p_session_id text, p_message_id text, p_request_id text, p_content_hash text, p_text text, p_metadata jsonb,
  p_provider_message_id text, p_pause interval, p_pause_reason text, p_max_wait interval,
  OUT message_id text, OUT session_id text, OUT sequence bigint, OUT received_at timestamptz,
  OUT duplicate boolean, OUT same_content boolean, OUT event_offset bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_customer text;
  v_message turns.messages;
BEGIN
  IF p_request_id <> '' THEN
    SELECT m.message_id, m.session_id, m.sequence, m.received_at, true, m.content_hash = p_content_hash, 0
      INTO message_id, session_id, sequence, received_at, duplicate, same_content, event_offset
      FROM turns.messages m WHERE m.tenant_id = p_tenant_id AND m.request_id = p_request_id;
    IF FOUND THEN
      RETURN;
    END IF;
  END IF;

  SELECT i.customer_id INTO v_customer FROM turns.channel_identities i
    WHERE i.tenant_id = p_tenant_id AND i.channel = p_channel AND i.channel_user_hash = p_user_hash;
  IF NOT FOUND THEN
    INSERT INTO turns.channel_identities (tenant_id, channel, channel_user_hash, channel_user_id, customer_id)
      VALUES (p_tenant_id, p_channel, p_user_hash, p_user_id, p_customer_id)
      ON CONFLICT DO NOTHING;
    SELECT i.customer_id INTO v_customer FROM turns.channel_identities i
      WHERE i.tenant_id = p_tenant_id AND i.channel = p_channel AND i.channel_user_hash = p_user_hash;
  END IF;

  INSERT INTO turns.sessions AS s (
      session_id, tenant_id, agent_id, customer_id, channel, message_sequence, event_offset,
      window_opened_at, due_at, due_reason)
    VALUES (p_session_id, p_tenant_id, p_agent_id, v_customer, p_channel, 1, 1,
      clock_timestamp(), clock_timestamp() + p_pause, p_pause_reason)
    ON CONFLICT (tenant_id, agent_id, customer_id, channel) WHERE ended_at IS NULL DO UPDATE SET
      message_sequence = s.message_sequence + 1,
      event_offset = s.event_offset + 1,
      window_opened_at = coalesce(s.window_opened_at, clock_timestamp()),
      due_at = least(clock_timestamp() + p_pause, coalesce(s.window_opened_at, clock_timestamp()) + p_max_wait),
      due_reason = CASE WHEN s.window_opened_at + p_max_wait < clock_timestamp() + p_pause THEN 'MAX_WAIT'
                        ELSE p_pause_reason END,
      updated_at = clock_timestamp()
    RETURNING s.session_id, s.message_sequence, s.event_offset, s.updated_at
    INTO session_id, sequence, event_offset, received_at;

  INSERT INTO turns.messages (
      message_id, tenant_id, session_id, sequence, request_id, content_hash, text, metadata, provider_message_id,
      received_at)
    VALUES (p_message_id, p_tenant_id, session_id, sequence, nullif(p_request_id, ''), p_content_hash, p_text,
      p_metadata, p_provider_message_id, received_at)
    RETURNING * INTO v_message;
  INSERT INTO turns.events (session_id, "offset", tenant_id, turn_id, attempt, kind, body, occurred_at)
    VALUES (v_message.session_id, event_offset, p_tenant_id, '', 0, 'message_received',
      jsonb_build_object('message', turns.message_json(v_message)), v_message.received_at);
  message_id := p_message_id;
  duplicate := false;
  same_content := true;
END $$
"""

_EXTEND_WINDOW = """
CREATE FUNCTION turns.extend_window(p_tenant_id text, p_session_id text, p_pause interval, p_max_wait interval)
RETURNS void LANGUAGE sql AS $$
  -- Only a window that is open: it closes by itself, at the latest when its maximum has passed.
  UPDATE turns.sessions SET
    due_at = greatest(due_at, least(clock_timestamp() + p_pause, window_opened_at + p_max_wait)),
    due_reason = CASE WHEN window_opened_at + p_max_wait < clock_timestamp() + p_pause THEN 'MAX_WAIT'
                      ELSE due_reason END
  WHERE tenant_id = p_tenant_id AND session_id = p_session_id
    AND window_opened_at IS NOT NULL AND due_at > clock_timestamp()
$$
"""

_OPEN_TURN = """
CREATE FUNCTION turns.open_turn(
  p_session_id text, p_lease integer, p_turn_id text, p_turn_group_id text, p_max_messages integer, p_history integer
) RETURNS jsonb LANGUAGE plpgsql AS $$
-- {"next": "idle"} without open messages or lease, {"next": "wait", "wait_ms"} inside the window, else
-- {"next": "run", "attempt"}. An engine that needs no lease passes NULL.
DECLARE
  s turns.sessions;
  t turns.turns;
  v_messages jsonb;
  v_wait double precision;
  v_first bigint;
BEGIN
  SELECT * INTO s FROM turns.sessions WHERE session_id = p_session_id FOR UPDATE;
  IF p_lease IS NOT NULL AND s.gateway IS DISTINCT FROM p_lease THEN
    RETURN '{"next": "idle"}';
  END IF;
  SELECT jsonb_agg(turns.message_json(m) ORDER BY m.sequence) INTO v_messages
    FROM (SELECT * FROM turns.messages WHERE session_id = p_session_id AND turn_id IS NULL
          ORDER BY sequence LIMIT p_max_messages) m;
  IF v_messages IS NULL THEN
    RETURN '{"next": "idle"}';
  END IF;
  v_wait := extract(epoch FROM s.due_at - clock_timestamp()) * 1000;
  IF v_wait > 0 THEN
    RETURN jsonb_build_object('next', 'wait', 'wait_ms', v_wait);
  END IF;

  UPDATE turns.turns SET attempt = attempt + 1, epoch = s.epoch + 1, status = 'PROCESSING',
      aggregation = s.due_reason
    WHERE turn_id = s.open_turn_id RETURNING * INTO t;
  IF NOT FOUND THEN
    INSERT INTO turns.turns (turn_id, tenant_id, session_id, turn_group_id, status, attempt, epoch, cause, aggregation)
      VALUES (p_turn_id, s.tenant_id, p_session_id, p_turn_group_id, 'PROCESSING', 1, s.epoch + 1, 'MESSAGE',
        s.due_reason)
      RETURNING * INTO t;
  END IF;
  UPDATE turns.sessions SET epoch = epoch + 1, open_turn_id = t.turn_id, window_opened_at = NULL
    WHERE session_id = p_session_id;
  v_first := turns.append_events(p_session_id, jsonb_build_array(
    jsonb_build_object('kind', 'turn_started', 'turn_id', t.turn_id, 'attempt', t.attempt, 'body', jsonb_build_object(
      'turn_group_id', t.turn_group_id, 'epoch', t.epoch, 'cause', t.cause, 'superseded_from', t.superseded_from)),
    jsonb_build_object('kind', 'turn_aggregated', 'turn_id', t.turn_id, 'attempt', t.attempt, 'body',
      jsonb_build_object('reason', s.due_reason,
        'message_ids', (SELECT jsonb_agg(e->>'message_id') FROM jsonb_array_elements(v_messages) e)))));
  RETURN jsonb_build_object('next', 'run', 'attempt', jsonb_build_object(
    'session_id', s.session_id, 'tenant_id', s.tenant_id, 'agent_id', s.agent_id, 'customer_id', s.customer_id,
    'channel', s.channel, 'epoch', t.epoch, 'turn_id', t.turn_id, 'turn_group_id', t.turn_group_id,
    'attempt', t.attempt, 'cause', t.cause, 'messages', v_messages, 'state', s.state,
    'config_version', s.config_version, 'turn_count', s.turn_count, 'superseded_from', t.superseded_from,
    'supersede_count', t.supersede_count, 'opened_at', t.opened_at, 'aggregation_reason', s.due_reason,
    'first_offset', v_first, 'started_at', now(),
    'history', coalesce((SELECT jsonb_agg(jsonb_build_object('customer_text', h.customer_text,
        'reply_text', h.reply_text, 'at', h.closed_at) ORDER BY h.turn_index)
      FROM (SELECT * FROM turns.turns WHERE session_id = p_session_id AND turn_index > 0
            ORDER BY turn_index DESC LIMIT p_history) h), '[]'),
    'artifacts', CASE WHEN t.attempt > 1 THEN coalesce((SELECT jsonb_agg(jsonb_build_object('name', a.name,
        'data_json', a.data, 'input_fingerprint', a.input_fingerprint,
        'dependency_fingerprint', a.dependency_fingerprint) ORDER BY a.name)
      FROM turns.artifacts a WHERE a.turn_id = t.turn_id), '[]') ELSE '[]' END));
END $$
"""

_HOLD = """
CREATE FUNCTION turns.hold(p_session_id text, p_epoch bigint) RETURNS turns.sessions LANGUAGE plpgsql AS $$
-- Locks the session for the attempt with `p_epoch`; raises FC001 when a newer attempt exists.
DECLARE
  s turns.sessions;
BEGIN
  SELECT * INTO s FROM turns.sessions WHERE session_id = p_session_id FOR UPDATE;
  IF NOT FOUND OR s.epoch <> p_epoch THEN
    RAISE EXCEPTION 'attempt is not the latest' USING ERRCODE = 'FC001';
  END IF;
  RETURN s;
END $$
"""

_RECORD_EVENTS = """
CREATE FUNCTION turns.record_events(p_session_id text, p_epoch bigint, p_events jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM turns.hold(p_session_id, p_epoch);
  RETURN turns.append_events(p_session_id, p_events);
END $$
"""

_STORE_ARTIFACT = """
CREATE FUNCTION turns.store_artifact(
  p_session_id text, p_epoch bigint, p_turn_id text, p_attempt integer, p_name text, p_data text,
  p_input_fingerprint text, p_dependency_fingerprint text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM turns.hold(p_session_id, p_epoch);
  INSERT INTO turns.artifacts (turn_id, name, attempt, data, input_fingerprint, dependency_fingerprint)
    VALUES (p_turn_id, p_name, p_attempt, p_data, p_input_fingerprint, p_dependency_fingerprint)
    ON CONFLICT (turn_id, name) DO UPDATE SET attempt = excluded.attempt, data = excluded.data,
      input_fingerprint = excluded.input_fingerprint, dependency_fingerprint = excluded.dependency_fingerprint,
      created_at = clock_timestamp();
END $$
"""

_RECORD_DECISION = """
CREATE FUNCTION turns.record_decision(
  p_session_id text, p_epoch bigint, p_turn_id text, p_successor_id text, p_disposition text, p_message_ids text[],
  p_reason text, p_events jsonb
) RETURNS bigint LANGUAGE plpgsql AS $$
-- With a successor the turn ends SUPERSEDED and the successor waits in its group; without one only the facts are kept.
DECLARE
  t turns.turns;
BEGIN
  PERFORM turns.hold(p_session_id, p_epoch);
  UPDATE turns.messages SET disposition = p_disposition WHERE message_id = ANY(p_message_ids) AND turn_id IS NULL;
  IF p_successor_id <> '' THEN
    UPDATE turns.turns SET status = 'SUPERSEDED', superseded_by = p_successor_id, status_reason = p_reason,
        closed_at = clock_timestamp()
      WHERE turn_id = p_turn_id RETURNING * INTO t;
    INSERT INTO turns.turns (turn_id, tenant_id, session_id, turn_group_id, status, attempt, epoch, cause,
        superseded_from, supersede_count)
      VALUES (p_successor_id, t.tenant_id, t.session_id, t.turn_group_id, 'ACCUMULATING', 0, p_epoch, t.cause,
        t.turn_id, t.supersede_count + 1);
    UPDATE turns.sessions SET open_turn_id = p_successor_id WHERE session_id = p_session_id;
  END IF;
  RETURN turns.append_events(p_session_id, p_events);
END $$
"""

_COMMIT_TURN = """
CREATE FUNCTION turns.commit_turn(
  p_session_id text, p_epoch bigint, p_turn_id text, p_status text, p_message_ids text[], p_state text,
  p_config_version bigint, p_record jsonb, p_reply_text text, p_reason text, p_events jsonb, p_outbox jsonb,
  OUT committed boolean, OUT first_offset bigint, OUT at timestamptz, OUT remaining boolean
) LANGUAGE plpgsql AS $$
-- One transaction: compare the epoch, consume the messages, close the turn, keep the state, append events, fill the
-- outbox. `committed` is false when this very attempt had been committed before.
DECLARE
  s turns.sessions;
  v_consumed integer;
BEGIN
  at := now();
  -- A repeat may overtake its first try, which then still holds the row: look only behind it.
  PERFORM 1 FROM turns.sessions WHERE session_id = p_session_id FOR UPDATE;
  IF EXISTS (SELECT 1 FROM turns.turns WHERE turn_id = p_turn_id AND epoch = p_epoch AND turn_index > 0) THEN
    committed := false;
    first_offset := 0;
    remaining := true;
    RETURN;
  END IF;
  s := turns.hold(p_session_id, p_epoch);
  UPDATE turns.messages SET turn_id = p_turn_id,
      disposition = CASE WHEN disposition IN ('SUPERSEDING', 'ABSORBED') THEN disposition ELSE 'JOINED' END
    WHERE session_id = p_session_id AND message_id = ANY(p_message_ids) AND turn_id IS NULL;
  GET DIAGNOSTICS v_consumed = ROW_COUNT;
  IF v_consumed <> cardinality(p_message_ids) OR s.open_turn_id IS DISTINCT FROM p_turn_id OR EXISTS (
      SELECT 1 FROM turns.messages m WHERE m.session_id = p_session_id AND m.turn_id IS NULL AND m.sequence <
        (SELECT max(c.sequence) FROM turns.messages c WHERE c.message_id = ANY(p_message_ids))) THEN
    RAISE EXCEPTION 'messages are not the open prefix of the session' USING ERRCODE = 'FC001';
  END IF;
  UPDATE turns.turns SET status = p_status, turn_index = s.turn_count + 1, record = p_record,
      reply_text = p_reply_text, status_reason = p_reason, closed_at = at,
      customer_text = coalesce((SELECT string_agg(m.text, E'\\n' ORDER BY m.sequence) FROM turns.messages m
                                WHERE m.session_id = p_session_id AND m.message_id = ANY(p_message_ids)), '')
    WHERE turn_id = p_turn_id;
  INSERT INTO turns.outbox (tenant_id, session_id, destination, dedupe_key, payload)
    SELECT s.tenant_id, p_session_id, o->>'destination', o->>'dedupe_key', o->'payload'
    FROM jsonb_array_elements(p_outbox) o;
  UPDATE turns.sessions SET state = coalesce(p_state, state), turn_count = turn_count + 1, open_turn_id = NULL,
      config_version = CASE WHEN config_version = 0 THEN p_config_version ELSE config_version END, updated_at = at,
      -- The next window belongs to what is still open: a message this turn took in must not shorten it.
      window_opened_at = (SELECT min(m.received_at) FROM turns.messages m
                          WHERE m.session_id = p_session_id AND m.turn_id IS NULL)
    WHERE session_id = p_session_id
    RETURNING window_opened_at IS NOT NULL INTO remaining;
  first_offset := turns.append_events(p_session_id, p_events);
  committed := true;
END $$
"""

_FUNCTIONS = (
    _MESSAGE_JSON,
    _LIVE_GATEWAYS,
    _APPEND_EVENTS,
    _SUBMIT_MESSAGE,
    _EXTEND_WINDOW,
    _OPEN_TURN,
    _HOLD,
    _RECORD_EVENTS,
    _STORE_ARTIFACT,
    _RECORD_DECISION,
    _COMMIT_TURN,
)


def upgrade() -> None:
    for statement in _FUNCTIONS:
        op.execute(statement)
