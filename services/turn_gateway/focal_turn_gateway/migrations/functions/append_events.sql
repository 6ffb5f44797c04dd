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
