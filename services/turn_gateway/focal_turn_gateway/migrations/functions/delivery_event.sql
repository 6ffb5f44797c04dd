CREATE FUNCTION turns.delivery_event(o turns.outbox, p_resolution text, p_by text) RETURNS void LANGUAGE plpgsql AS $$
-- Tells the row's session where its delivery stands; the caller holds the session's lock. A resolution says what a
-- person decided.
BEGIN
  IF EXISTS (SELECT 1 FROM turns.sessions WHERE session_id = o.session_id) THEN
    PERFORM turns.append_events(o.session_id, jsonb_build_array(jsonb_build_object(
      'kind', 'delivery_updated', 'turn_id', coalesce(o.payload->>'turn_id', ''), 'attempt', 0,
      'body', jsonb_build_object(
        'delivery_id', o.outbox_id, 'destination', o.destination, 'dedupe_key', o.dedupe_key,
        'segment', coalesce((o.payload->>'segment')::integer, 0), 'part', coalesce((o.payload->>'part')::integer, 0),
        'state', o.state, 'reason', o.reason, 'attempts', o.attempts - o.forgiven, 'resolution', p_resolution,
        'resolved_by', p_by))));
  END IF;
END $$
