CREATE FUNCTION turns.cancel_turn(
  p_tenant_id text, p_session_id text, p_turn_id text, p_epoch bigint, p_cancelled_by text, p_reason text,
  p_request_id text, p_content_hash text
) RETURNS boolean LANGUAGE plpgsql AS $$
-- Ends an open turn CANCELLED with the messages its latest attempt took in. A turn that runs is cancelled only by
-- the epoch that the effects were fenced for, one above the session's; false when the session has moved since.
DECLARE
  s turns.sessions;
  t turns.turns;
  v_ids jsonb;
BEGIN
  SELECT * INTO s FROM turns.sessions WHERE session_id = p_session_id AND tenant_id = p_tenant_id FOR UPDATE;
  SELECT * INTO t FROM turns.turns WHERE turn_id = p_turn_id AND session_id = s.session_id;
  IF NOT FOUND OR t.status NOT IN ('ACCUMULATING', 'PROCESSING') THEN
    RETURN false;
  END IF;
  IF s.open_turn_id = p_turn_id THEN
    IF p_epoch <> s.epoch + 1 THEN
      RETURN false;
    END IF;
    WITH taken AS (
      UPDATE turns.messages SET turn_id = p_turn_id,
          disposition = CASE WHEN disposition IN ('SUPERSEDING', 'ABSORBED') THEN disposition ELSE 'JOINED' END
        WHERE session_id = p_session_id AND turn_id IS NULL
          AND (t.status = 'ACCUMULATING' OR sequence <= s.taken_sequence)
        RETURNING message_id, sequence)
    SELECT jsonb_agg(message_id ORDER BY sequence) INTO v_ids FROM taken;
    UPDATE turns.sessions SET epoch = p_epoch, open_turn_id = NULL, taken_sequence = NULL, updated_at = now(),
        window_opened_at = (SELECT min(m.received_at) FROM turns.messages m
                            WHERE m.session_id = p_session_id AND m.turn_id IS NULL)
      WHERE session_id = p_session_id;
  END IF;
  v_ids := coalesce(v_ids, '[]');
  UPDATE turns.turns SET status = 'CANCELLED', status_reason = p_reason, closed_at = now(),
      record = jsonb_build_object('message_ids', v_ids)
    WHERE turn_id = p_turn_id;
  UPDATE turns.triggers SET consumed_at = now() WHERE turn_id = p_turn_id AND consumed_at IS NULL;
  PERFORM turns.answered_before(p_tenant_id, 'CancelTurn', p_request_id, p_content_hash, p_turn_id);
  PERFORM turns.append_events(p_session_id, jsonb_build_array(jsonb_build_object('kind', 'turn_cancelled',
    'turn_id', p_turn_id, 'attempt', t.attempt, 'body', jsonb_build_object('cancelled_by', p_cancelled_by,
    'reason', p_reason, 'message_ids', v_ids))));
  RETURN true;
END $$
