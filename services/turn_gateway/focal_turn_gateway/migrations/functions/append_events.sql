CREATE FUNCTION turns.append_events(p_session_id text, p_events jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
-- Appends [{kind, turn_id, attempt, trace_id, body}] and returns the offset of the first. The caller holds the
-- session's lock.
DECLARE
  v_base bigint;
  v_tenant text;
BEGIN
  UPDATE turns.sessions SET event_offset = event_offset + jsonb_array_length(p_events)
  WHERE session_id = p_session_id
  RETURNING event_offset - jsonb_array_length(p_events), tenant_id INTO v_base, v_tenant;
  PERFORM turns.write_events(v_tenant, p_session_id, v_base, p_events, now());
  RETURN v_base + 1;
END $$
