CREATE FUNCTION turns.end_session(
  p_tenant_id text, p_session_id text, p_ended_by text, p_reason text, p_request_id text, p_content_hash text,
  p_events jsonb
) RETURNS boolean LANGUAGE plpgsql AS $$
-- Ends a session, once; false without such a session. A message that has its place in it by now is answered, and a
-- turn that runs is committed; the session's window closes, for nothing can join it any more. Whoever waits for the
-- session's lock to store a message finds its address free and opens a new session.
DECLARE
  s turns.sessions;
BEGIN
  SELECT * INTO s FROM turns.sessions WHERE session_id = p_session_id AND tenant_id = p_tenant_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF turns.answered_before(p_tenant_id, 'EndSession', p_request_id, p_content_hash, p_session_id) IS NULL
      AND s.ended_at IS NULL THEN
    UPDATE turns.sessions SET ended_at = clock_timestamp(), ended_by = p_ended_by, end_reason = p_reason,
        updated_at = clock_timestamp(), due_at = least(due_at, clock_timestamp()), due_before_typing = NULL
      WHERE session_id = p_session_id;
    PERFORM turns.append_events(p_session_id, p_events);
  END IF;
  RETURN true;
END $$
