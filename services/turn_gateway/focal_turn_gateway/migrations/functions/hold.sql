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
