CREATE FUNCTION turns.record_events(p_session_id text, p_epoch bigint, p_events jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM turns.hold(p_session_id, p_epoch);
  RETURN turns.append_events(p_session_id, p_events);
END $$
