CREATE FUNCTION turns.trigger_turn(
  p_tenant_id text, p_session_id text, p_turn_id text, p_turn_group_id text, p_cause text, p_cause_id text,
  p_payload text, p_request_id text, p_content_hash text,
  OUT turn_id text, OUT already_open boolean, OUT refusal text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
-- Opens a turn for a cause, unless one is open for it. `refusal` names what keeps the session from it.
DECLARE
  s turns.sessions;
  v_opened text;
  v_known text;
BEGIN
  SELECT * INTO s FROM turns.sessions WHERE session_id = p_session_id AND tenant_id = p_tenant_id FOR UPDATE;
  IF NOT FOUND THEN
    refusal := 'SESSION_NOT_FOUND';
    RETURN;
  END IF;
  SELECT g.turn_id INTO v_opened FROM turns.triggers g WHERE g.session_id = p_session_id AND g.cause = p_cause
    AND g.cause_id = p_cause_id AND g.consumed_at IS NULL;
  v_known := turns.answered_before(p_tenant_id, 'TriggerTurn', p_request_id, p_content_hash,
    CASE WHEN s.ended_at IS NULL THEN coalesce(v_opened, p_turn_id) END);
  IF v_known IS NULL AND s.ended_at IS NOT NULL THEN
    refusal := 'SESSION_ENDED';
    RETURN;
  END IF;
  turn_id := coalesce(v_known, v_opened, p_turn_id);
  already_open := v_known IS NOT NULL OR v_opened IS NOT NULL;
  IF NOT already_open THEN
    INSERT INTO turns.turns (turn_id, tenant_id, session_id, turn_group_id, status, attempt, epoch, cause)
      VALUES (p_turn_id, p_tenant_id, p_session_id, p_turn_group_id, 'ACCUMULATING', 0, s.epoch, p_cause);
    INSERT INTO turns.triggers (tenant_id, session_id, turn_id, cause, cause_id, payload)
      VALUES (p_tenant_id, p_session_id, p_turn_id, p_cause, p_cause_id, p_payload);
  END IF;
END $$
