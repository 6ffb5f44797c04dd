CREATE FUNCTION turns.edited_state(p_state text, p_edits jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
-- A session's state behind what an operator changed: {"variables": {name: JSON text, or null to remove it}, "moves":
-- [{"scenarioId", "stepId"}]}, NULL when nothing. Names as in the JSON of `focal.turn.v1.SessionState`.
DECLARE
  v_state jsonb;
BEGIN
  IF p_edits IS NULL THEN
    RETURN p_state;
  END IF;
  v_state := coalesce(nullif(p_state, ''), '{}');
  RETURN v_state || jsonb_build_object(
    'variablesJson', jsonb_strip_nulls(coalesce(v_state->'variablesJson', '{}') || (p_edits->'variables')),
    'moves', coalesce(v_state->'moves', '[]') || (p_edits->'moves'));
END $$
