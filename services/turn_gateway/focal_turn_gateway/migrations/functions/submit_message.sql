CREATE FUNCTION turns.submit_message(
  p_tenant_id text, p_agent_id text, p_channel text, p_user_hash text, p_user_id text, p_customer_id text,
  p_session_id text, p_message_id text, p_request_id text, p_content_hash text, p_text text, p_metadata jsonb,
  p_provider_message_id text, p_pause interval, p_pause_reason text, p_max_wait interval,
  p_turn_max integer, p_queue_max integer, p_gap_min interval, p_gap_max interval, p_gaps_kept integer,
  p_trace_id text, p_owned text,
  OUT message_id text, OUT session_id text, OUT sequence bigint, OUT received_at timestamptz,
  OUT duplicate boolean, OUT same_content boolean, OUT event_offset bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
-- Raises FC002, and stores nothing, when the session's queue is full: `p_queue_max` messages wait behind the attempt
-- that runs, or, while none runs, behind the `p_turn_max` that the next turn answers.
DECLARE
  v_customer text;
  v_verified boolean;
  v_taken bigint;
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

  SELECT i.customer_id, i.verified INTO v_customer, v_verified FROM turns.channel_identities i
    WHERE i.tenant_id = p_tenant_id AND i.channel = p_channel AND i.channel_user_hash = p_user_hash;
  IF NOT FOUND OR (p_owned <> '' AND NOT v_verified) THEN
    v_customer := turns.identify(p_tenant_id, p_channel, p_user_hash, p_user_id, p_owned, v_customer, p_customer_id);
  END IF;

  INSERT INTO turns.sessions AS s (
      session_id, tenant_id, agent_id, customer_id, channel, channel_user_id, message_sequence, event_offset,
      window_opened_at, window_messages, due_at, due_reason)
    VALUES (p_session_id, p_tenant_id, p_agent_id, v_customer, p_channel, p_user_id, 1, 1,
      clock_timestamp(), 1, clock_timestamp() + p_pause, p_pause_reason)
    ON CONFLICT (tenant_id, agent_id, customer_id, channel) WHERE ended_at IS NULL DO UPDATE SET
      channel_user_id = excluded.channel_user_id,
      message_sequence = s.message_sequence + 1,
      event_offset = s.event_offset + 1,
      window_opened_at = coalesce(s.window_opened_at, clock_timestamp()),
      window_messages = CASE WHEN s.window_opened_at IS NULL THEN 1 ELSE s.window_messages + 1 END,
      due_before_typing = NULL,
      reason_before_typing = NULL,
      due_at = least(clock_timestamp() + p_pause, coalesce(s.window_opened_at, clock_timestamp()) + p_max_wait),
      due_reason = CASE WHEN s.window_opened_at + p_max_wait < clock_timestamp() + p_pause THEN 'MAX_WAIT'
                        ELSE p_pause_reason END,
      updated_at = clock_timestamp()
    RETURNING s.session_id, s.message_sequence, s.event_offset, s.updated_at, s.taken_sequence
    INTO session_id, sequence, event_offset, received_at, v_taken;

  IF (SELECT count(*) FROM turns.messages m
      WHERE m.session_id = submit_message.session_id AND m.turn_id IS NULL AND m.sequence > coalesce(v_taken, 0))
     >= p_queue_max + (CASE WHEN v_taken IS NULL THEN p_turn_max ELSE 0 END) THEN
    -- A first try with this request id may have taken the last place while this one waited for the session's lock.
    IF EXISTS (SELECT 1 FROM turns.messages m WHERE m.tenant_id = p_tenant_id AND m.request_id = p_request_id) THEN
      RAISE unique_violation;
    END IF;
    RAISE EXCEPTION 'the queue of the session is full' USING ERRCODE = 'FC002';
  END IF;

  INSERT INTO turns.messages (
      message_id, tenant_id, session_id, sequence, request_id, content_hash, text, metadata, provider_message_id,
      received_at)
    VALUES (p_message_id, p_tenant_id, session_id, sequence, nullif(p_request_id, ''), p_content_hash, p_text,
      p_metadata, p_provider_message_id, received_at)
    RETURNING * INTO v_message;
  IF p_gaps_kept > 0 THEN
    PERFORM turns.learn_gap(p_tenant_id, p_channel, p_user_hash, session_id, sequence, received_at, p_gap_min,
      p_gap_max, p_gaps_kept);
  END IF;
  PERFORM turns.write_events(p_tenant_id, v_message.session_id, event_offset - 1, jsonb_build_array(
    jsonb_build_object('kind', 'message_received', 'turn_id', '', 'attempt', 0, 'trace_id', p_trace_id, 'body',
      jsonb_build_object('message', turns.message_json(v_message)))), v_message.received_at);
  message_id := p_message_id;
  duplicate := false;
  same_content := true;
END $$
