CREATE FUNCTION turns.record_decision(
  p_session_id text, p_epoch bigint, p_turn_id text, p_successor_id text, p_disposition text, p_message_ids text[],
  p_reason text, p_events jsonb
) RETURNS bigint LANGUAGE plpgsql AS $$
-- With a successor the turn ends SUPERSEDED and the successor waits in its group; without one only the facts are kept.
DECLARE
  t turns.turns;
BEGIN
  PERFORM turns.hold(p_session_id, p_epoch);
  IF p_successor_id <> '' AND (turns.commit_reported(p_session_id, p_turn_id)
      OR p_events @> '[{"kind": "agent", "body": {"category": "infra", "type": "commit.reached"}}]') THEN
    RAISE EXCEPTION 'turn % is past its commit point', p_turn_id USING ERRCODE = 'FC004';
  END IF;
  UPDATE turns.messages SET disposition = p_disposition WHERE message_id = ANY(p_message_ids) AND turn_id IS NULL;
  IF p_disposition = 'ABSORBED' THEN
    UPDATE turns.sessions SET taken_sequence = greatest(taken_sequence,
        (SELECT max(m.sequence) FROM turns.messages m WHERE m.message_id = ANY(p_message_ids)))
      WHERE session_id = p_session_id;
  END IF;
  IF p_successor_id <> '' THEN
    UPDATE turns.turns SET status = 'SUPERSEDED', superseded_by = p_successor_id, status_reason = p_reason,
        closed_at = clock_timestamp()
      WHERE turn_id = p_turn_id RETURNING * INTO t;
    INSERT INTO turns.turns (turn_id, tenant_id, session_id, turn_group_id, status, attempt, epoch, cause,
        superseded_from, supersede_count)
      VALUES (p_successor_id, t.tenant_id, t.session_id, t.turn_group_id, 'ACCUMULATING', 0, p_epoch, t.cause,
        t.turn_id, t.supersede_count + 1);
    UPDATE turns.triggers SET turn_id = p_successor_id WHERE turn_id = p_turn_id AND consumed_at IS NULL;
    UPDATE turns.sessions SET open_turn_id = p_successor_id, taken_sequence = NULL WHERE session_id = p_session_id;
  END IF;
  RETURN turns.append_events(p_session_id, p_events);
END $$
