CREATE FUNCTION turns.standing(
  p_tenant_id text, p_session_id text, p_turn_id text, p_request_id text, p_content_hash text
) RETURNS TABLE (found boolean, turn_id text, turn_group_id text, status text, running boolean, epoch bigint,
  committed boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
-- The turn that a cancel is about: the one it was about the first time, the one named, else the one that runs.
-- No row without such a session.
DECLARE
  v_known text := turns.answered_before(p_tenant_id, 'CancelTurn', p_request_id, p_content_hash, NULL);
BEGIN
  RETURN QUERY SELECT t.turn_id IS NOT NULL, t.turn_id, t.turn_group_id, t.status, t.turn_id = s.open_turn_id, s.epoch,
      turns.commit_reported(s.session_id, t.turn_id)
    FROM turns.sessions s LEFT JOIN turns.turns t
      ON t.session_id = s.session_id AND t.turn_id = coalesce(v_known, nullif(p_turn_id, ''), s.open_turn_id)
    WHERE s.session_id = p_session_id AND s.tenant_id = p_tenant_id;
END $$
