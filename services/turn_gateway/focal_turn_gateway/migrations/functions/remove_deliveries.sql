CREATE FUNCTION turns.remove_deliveries(p_age interval, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
-- Removes at most `p_limit` outbox rows that were delivered longer than `p_age` ago; failed ones stay as the trace of
-- what never arrived. Returns how many; 0 while another replica does this.
DECLARE
  v_removed integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7402, 3) THEN
    RETURN 0;
  END IF;
  DELETE FROM turns.outbox o WHERE o.outbox_id IN (
    SELECT d.outbox_id FROM turns.outbox d
    WHERE d.state = 'DELIVERED' AND d.delivered_at < clock_timestamp() - p_age
    ORDER BY d.delivered_at LIMIT p_limit);
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  RETURN v_removed;
END $$
