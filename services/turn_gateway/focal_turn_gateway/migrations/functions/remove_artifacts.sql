CREATE FUNCTION turns.remove_artifacts(p_age interval, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
-- Removes at most `p_limit` artifacts older than `p_age` of turns that are closed. Returns how many; 0 while another
-- replica does this.
DECLARE
  v_removed integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7402, 4) THEN
    RETURN 0;
  END IF;
  DELETE FROM turns.artifacts a WHERE (a.turn_id, a.name) IN (
    SELECT o.turn_id, o.name FROM turns.artifacts o JOIN turns.turns t USING (turn_id)
    WHERE o.created_at < clock_timestamp() - p_age AND t.closed_at IS NOT NULL
    ORDER BY o.created_at LIMIT p_limit);
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  RETURN v_removed;
END $$
