CREATE FUNCTION turns.update_session(
  p_tenant_id text, p_session_id text, p_edit jsonb, p_version bigint, p_most_variables integer,
  p_most_moves integer, p_request_id text, p_content_hash text, p_events jsonb
) RETURNS text LANGUAGE plpgsql AS $$
-- Applies an edit as `turns.edited_state` takes it, once per request id; says why it does not, else ''. While a turn is
-- open the edit waits: that turn's commit brings a state which does not know of it. `p_version` is the state's as the
-- caller has seen it, NULL when that does not matter.
DECLARE
  s turns.sessions;
  v_edits jsonb;
  v_state text;
  v_before integer;
  v_refusal text := '';
BEGIN
  SELECT * INTO s FROM turns.sessions WHERE session_id = p_session_id AND tenant_id = p_tenant_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'SESSION_NOT_FOUND';
  END IF;
  v_edits := jsonb_build_object(
    'variables', coalesce(s.edits->'variables', '{}') || (p_edit->'variables'),
    'moves', coalesce(s.edits->'moves', '[]') || (p_edit->'moves'));
  v_state := turns.edited_state(s.state, v_edits);
  v_before := turns.variables_kept(turns.edited_state(s.state, s.edits));
  IF s.ended_at IS NOT NULL THEN
    v_refusal := 'SESSION_ENDED';
  ELSIF p_version <> s.state_version THEN
    v_refusal := 'SESSION_CHANGED';
  ELSIF turns.variables_kept(v_state) > greatest(p_most_variables, v_before)
      OR (SELECT count(*) FROM jsonb_object_keys(v_edits->'variables')) > 2 * p_most_variables THEN
    v_refusal := 'TOO_MANY_VARIABLES';
  ELSIF jsonb_array_length(p_edit->'moves') > 0 AND jsonb_array_length(v_state::jsonb->'moves') > p_most_moves THEN
    v_refusal := 'TOO_MANY_MOVES';
  END IF;
  IF turns.answered_before(p_tenant_id, 'UpdateSession', p_request_id, p_content_hash,
      CASE WHEN v_refusal = '' THEN p_session_id END) IS NOT NULL THEN
    RETURN '';
  END IF;
  IF v_refusal = '' THEN
    UPDATE turns.sessions SET
        state = CASE WHEN open_turn_id IS NULL THEN v_state ELSE state END,
        edits = CASE WHEN open_turn_id IS NOT NULL THEN v_edits END,
        state_version = state_version + 1, updated_at = clock_timestamp()
      WHERE session_id = p_session_id;
    PERFORM turns.append_events(p_session_id, p_events);
  END IF;
  RETURN v_refusal;
END $$
