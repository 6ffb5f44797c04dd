CREATE FUNCTION turns.open_turn(
  p_session_id text, p_lease integer, p_turn_id text, p_turn_group_id text, p_max_messages integer, p_history integer,
  p_trace_id text, p_artifact_ttl interval
) RETURNS jsonb LANGUAGE plpgsql AS $$
-- {"next": "idle"} without open messages, triggers or lease, {"next": "wait", "wait_ms", "window"} inside the window, else
-- {"next": "run", "attempt"}. An engine that needs no lease passes NULL. Messages come first: a trigger waits until
-- none is open, but its turn, once begun, is not held up by later ones.
DECLARE
  s turns.sessions;
  t turns.turns;
  g turns.triggers;
  v_messages jsonb;
  v_wait double precision;
  v_first bigint;
  v_last bigint;
  v_reason text;
  v_edited boolean;
BEGIN
  SELECT * INTO s FROM turns.sessions WHERE session_id = p_session_id FOR UPDATE;
  IF p_lease IS NOT NULL AND s.gateway IS DISTINCT FROM p_lease THEN
    RETURN '{"next": "idle"}';
  END IF;
  SELECT * INTO t FROM turns.turns WHERE turn_id = s.open_turn_id;
  IF t.cause IS NULL OR t.cause = 'MESSAGE' OR t.superseded_from <> '' THEN
    SELECT jsonb_agg(turns.message_json(m) ORDER BY m.sequence), max(m.sequence) INTO v_messages, v_last
      FROM (SELECT * FROM turns.messages WHERE session_id = p_session_id AND turn_id IS NULL
            ORDER BY sequence LIMIT p_max_messages) m;
  END IF;
  SELECT * INTO g FROM turns.triggers x WHERE x.session_id = p_session_id AND x.consumed_at IS NULL
    AND CASE WHEN s.open_turn_id IS NULL THEN v_messages IS NULL ELSE x.turn_id = s.open_turn_id END
    ORDER BY x.trigger_id LIMIT 1;
  IF v_messages IS NULL AND g.turn_id IS NULL THEN
    RETURN '{"next": "idle"}';
  END IF;
  v_wait := extract(epoch FROM s.due_at - clock_timestamp()) * 1000;
  IF v_messages IS NOT NULL AND v_wait > 0 THEN
    RETURN jsonb_build_object('next', 'wait', 'wait_ms', v_wait, 'window', jsonb_build_object(
      'tenant_id', s.tenant_id, 'agent_id', s.agent_id, 'config_version', s.config_version,
      'sequence', s.message_sequence, 'typing', s.due_before_typing IS NOT NULL,
      'pause_ms', extract(epoch FROM s.due_at - (v_messages->-1->>'received_at')::timestamptz) * 1000));
  END IF;
  v_reason := CASE WHEN v_messages IS NULL THEN 'OFF' ELSE s.due_reason END;
  -- An attempt sees what an operator changed before it, unless it follows a plan, which was made on another state.
  v_edited := s.edits IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM turns.artifacts a WHERE a.turn_id = s.open_turn_id AND a.binding);
  IF v_edited THEN
    s.state := turns.edited_state(s.state, s.edits);
  END IF;

  UPDATE turns.turns SET attempt = attempt + 1, epoch = s.epoch + 1, status = 'PROCESSING',
      aggregation = v_reason, begun_at = coalesce(begun_at, now())
    WHERE turn_id = coalesce(s.open_turn_id, g.turn_id) RETURNING * INTO t;
  IF NOT FOUND THEN
    INSERT INTO turns.turns (turn_id, tenant_id, session_id, turn_group_id, status, attempt, epoch, cause, aggregation,
        begun_at)
      VALUES (p_turn_id, s.tenant_id, p_session_id, p_turn_group_id, 'PROCESSING', 1, s.epoch + 1, 'MESSAGE',
        v_reason, now())
      RETURNING * INTO t;
  END IF;
  UPDATE turns.sessions SET state = CASE WHEN v_edited THEN s.state ELSE state END,
      edits = CASE WHEN NOT v_edited THEN edits END, epoch = epoch + 1, open_turn_id = t.turn_id, taken_sequence = coalesce(v_last, 0),
      window_opened_at = CASE WHEN v_messages IS NULL THEN window_opened_at END
    WHERE session_id = p_session_id;
  v_first := turns.append_events(p_session_id, jsonb_build_array(
    jsonb_build_object('kind', 'turn_started', 'turn_id', t.turn_id, 'attempt', t.attempt, 'trace_id', p_trace_id,
      'body', jsonb_build_object('turn_group_id', t.turn_group_id, 'epoch', t.epoch, 'cause', t.cause,
        'superseded_from', t.superseded_from)),
    jsonb_build_object('kind', 'turn_aggregated', 'turn_id', t.turn_id, 'attempt', t.attempt, 'trace_id', p_trace_id,
      'body', jsonb_build_object('reason', v_reason, 'message_ids',
        coalesce((SELECT jsonb_agg(e->>'message_id') FROM jsonb_array_elements(v_messages) e), '[]')))));
  RETURN jsonb_build_object('next', 'run', 'attempt', jsonb_build_object(
    'session_id', s.session_id, 'tenant_id', s.tenant_id, 'agent_id', s.agent_id, 'customer_id', s.customer_id,
    'channel', s.channel, 'channel_user_id', s.channel_user_id, 'epoch', t.epoch, 'turn_id', t.turn_id, 'turn_group_id', t.turn_group_id,
    'attempt', t.attempt, 'cause', t.cause, 'messages', coalesce(v_messages, '[]'),
    'trigger_json', coalesce(g.payload, ''), 'spent_s', extract(epoch FROM now() - t.begun_at), 'state', s.state,
    'config_version', s.config_version, 'turn_count', s.turn_count, 'superseded_from', t.superseded_from,
    'supersede_count', t.supersede_count, 'opened_at', t.opened_at, 'aggregation_reason', v_reason,
    'first_offset', v_first, 'started_at', now(),
    'history', coalesce((SELECT jsonb_agg(jsonb_build_object('customer_text', h.customer_text,
        'reply_text', h.reply_text, 'at', h.closed_at) ORDER BY h.turn_index)
      FROM (SELECT * FROM turns.turns WHERE session_id = p_session_id AND turn_index > 0
            ORDER BY turn_index DESC LIMIT p_history) h), '[]'),
    -- What binds a turn is its own and does not age; what its phases found also serves the turn that replaces it.
    'artifacts', CASE WHEN t.attempt > 1 OR t.superseded_from <> '' THEN coalesce((
      SELECT jsonb_agg(jsonb_build_object('name', a.name,
        'data_json', a.data, 'input_fingerprint', a.input_fingerprint,
        'dependency_fingerprint', a.dependency_fingerprint, 'binding', a.binding) ORDER BY a.name)
      FROM (SELECT DISTINCT ON (f.name) f.* FROM turns.artifacts f
            WHERE (f.turn_id = t.turn_id AND f.binding)
               OR (f.turn_id IN (t.turn_id, t.superseded_from) AND NOT f.binding
                   AND f.created_at > clock_timestamp() - p_artifact_ttl)
            ORDER BY f.name, f.turn_id = t.turn_id DESC) a), '[]') ELSE '[]' END));
END $$
