CREATE FUNCTION turns.remove_deliveries(p_age interval, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
-- Removes at most `p_limit` outbox rows that were delivered longer than `p_age` ago, and their receipts; failed ones
-- stay as the trace of what never arrived. As many notes of fallbacks go once nothing counts them any more. Returns how many; 0 while another replica does this.
DECLARE
  v_removed integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7402, 3) THEN
    RETURN 0;
  END IF;
  WITH gone AS (
    DELETE FROM turns.outbox o WHERE o.outbox_id IN (
      SELECT d.outbox_id FROM turns.outbox d
      WHERE d.state = 'DELIVERED' AND d.delivered_at < clock_timestamp() - p_age
      ORDER BY d.delivered_at LIMIT p_limit)
    RETURNING o.tenant_id, o.dedupe_key),
  receipts AS (
    DELETE FROM turns.receipts r USING gone WHERE r.tenant_id = gone.tenant_id AND r.dedupe_key = gone.dedupe_key)
  SELECT count(*) INTO v_removed FROM gone;
  DELETE FROM turns.fallbacks f USING (
    SELECT o.tenant_id, o.turn_id, o.segment, o.from_channel FROM turns.fallbacks o
    WHERE o.created_at < clock_timestamp() - greatest(p_age, interval '24 hours')
    ORDER BY o.created_at LIMIT p_limit) old
  WHERE (f.tenant_id, f.turn_id, f.segment, f.from_channel)
      = (old.tenant_id, old.turn_id, old.segment, old.from_channel);
  RETURN v_removed;
END $$
