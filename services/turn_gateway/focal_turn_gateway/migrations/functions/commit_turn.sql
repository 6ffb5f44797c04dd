CREATE FUNCTION turns.commit_turn(
  p_session_id text, p_epoch bigint, p_turn_id text, p_status text, p_message_ids text[], p_state text, p_hint jsonb,
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
      customer_text = coalesce((SELECT string_agg(m.text, E'\n' ORDER BY m.sequence) FROM turns.messages m
                                WHERE m.session_id = p_session_id AND m.message_id = ANY(p_message_ids)), '')
    WHERE turn_id = p_turn_id;
  UPDATE turns.triggers SET consumed_at = at WHERE turn_id = p_turn_id AND consumed_at IS NULL;
  INSERT INTO turns.outbox (tenant_id, session_id, destination, dedupe_key, payload)
    SELECT s.tenant_id, p_session_id, o->>'destination', o->>'dedupe_key', o->'payload'
    FROM jsonb_array_elements(p_outbox) o;
  -- What an operator changed while the turn ran comes on top of what the turn makes of the state.
  UPDATE turns.sessions SET state = CASE WHEN s.edits IS NULL THEN coalesce(p_state, state)
          ELSE turns.edited_state(coalesce(p_state, state), s.edits) END,
      edits = NULL, state_version = state_version + 1, turn_count = turn_count + 1, open_turn_id = NULL,
      taken_sequence = NULL, accumulation_hint = coalesce(p_hint, accumulation_hint),
      config_version = CASE WHEN config_version = 0 THEN p_config_version ELSE config_version END, updated_at = at,
      -- The next window belongs to what is still open: a message this turn took in must not shorten it.
      (window_opened_at, window_messages) = (SELECT min(m.received_at), count(*) FROM turns.messages m
                                             WHERE m.session_id = p_session_id AND m.turn_id IS NULL)
    WHERE session_id = p_session_id
    RETURNING window_opened_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM turns.triggers g WHERE g.session_id = p_session_id AND g.consumed_at IS NULL)
    INTO remaining;
  first_offset := turns.append_events(p_session_id, p_events);
  committed := true;
END $$
