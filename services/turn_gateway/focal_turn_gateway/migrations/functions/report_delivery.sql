CREATE FUNCTION turns.report_delivery(
  p_tenant_id text, p_dedupe_key text, p_channel text, p_provider_message_id text, p_state text, p_reason text,
  p_rungs jsonb
) RETURNS jsonb LANGUAGE plpgsql AS $$
-- Notes what became of a part and returns its receipt with `advanced`; NULL for a part that was never sent. A state
-- only advances: SENT, FAILED, DELIVERED, READ. The session's lock makes reports about its parts follow one another.
-- A part that failed falls back on `p_rungs` (see turns.fall_back); `fell_back` says whether it is sent there.
DECLARE
  v_key text := turns.part_key(p_tenant_id, p_dedupe_key, p_channel, p_provider_message_id);
  v_session text;
  v_payload jsonb;
  r turns.receipts;
  v_order text[] := ARRAY['SENT', 'FAILED', 'DELIVERED', 'READ'];
  v_advanced boolean;
  v_fell_back boolean := false;
BEGIN
  SELECT session_id, payload INTO v_session, v_payload FROM turns.outbox
    WHERE destination IN ('outbound', 'callback') AND dedupe_key = v_key AND tenant_id = p_tenant_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM 1 FROM turns.sessions WHERE session_id = v_session FOR UPDATE;
  SELECT * INTO r FROM turns.receipts WHERE tenant_id = p_tenant_id AND dedupe_key = v_key;
  v_advanced := r.state IS NULL OR array_position(v_order, p_state) > array_position(v_order, r.state);
  INSERT INTO turns.receipts AS known (tenant_id, dedupe_key, session_id, turn_id, segment, part, channel, state,
      provider_message_id, reason)
    VALUES (p_tenant_id, v_key, v_session, v_payload->>'turn_id', (v_payload->>'segment')::integer,
      coalesce((v_payload->>'part')::integer, 0), v_payload->>'channel', p_state, p_provider_message_id, p_reason)
    ON CONFLICT (tenant_id, dedupe_key) DO UPDATE SET
      -- The id counts from whatever report it comes with, the first one stays.
      provider_message_id = coalesce(nullif(known.provider_message_id, ''), excluded.provider_message_id),
      state = CASE WHEN v_advanced THEN excluded.state ELSE known.state END,
      reason = CASE WHEN v_advanced THEN excluded.reason ELSE known.reason END,
      updated_at = CASE WHEN v_advanced THEN clock_timestamp() ELSE known.updated_at END
    RETURNING * INTO r;
  IF v_advanced THEN
    PERFORM turns.append_events(v_session, jsonb_build_array(jsonb_build_object(
      'kind', 'receipt_reported', 'turn_id', r.turn_id, 'attempt', 0, 'body', jsonb_build_object(
        'dedupe_key', r.dedupe_key, 'segment', r.segment, 'part', r.part, 'channel', r.channel, 'state', r.state,
        'reason', r.reason))));
  END IF;
  IF v_advanced AND p_state = 'FAILED' AND p_rungs <> '[]' THEN
    v_fell_back := turns.fall_back(p_tenant_id, v_session, v_payload, p_rungs);
  END IF;
  RETURN to_jsonb(r) || jsonb_build_object('advanced', v_advanced, 'fell_back', v_fell_back);
END $$
