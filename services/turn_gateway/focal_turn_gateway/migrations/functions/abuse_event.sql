CREATE FUNCTION turns.abuse_event(p_kind text, p_abuse jsonb, p_trace_id text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  -- As `turns.append_events` takes it.
  SELECT jsonb_build_object('kind', p_kind, 'turn_id', '', 'attempt', 0, 'trace_id', p_trace_id,
    'body', jsonb_build_object('abuse', p_abuse))
$$
