CREATE FUNCTION turns.remove_abuse(p_age interval, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
-- Removes at most `p_limit` entries that were over, or lifted, longer than `p_age` ago. Returns how many; 0 while
-- another replica does this.
DECLARE
  v_removed integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7402, 6) THEN
    RETURN 0;
  END IF;
  DELETE FROM turns.abuse r WHERE r.abuse_id IN (
    SELECT a.abuse_id FROM turns.abuse a
    WHERE least(a.holds_until, a.lifted_at) < clock_timestamp() - p_age
    ORDER BY least(a.holds_until, a.lifted_at) LIMIT p_limit);
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  RETURN v_removed;
END $$
