CREATE FUNCTION turns.remove_webhook_deliveries(p_age interval, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
-- Removes at most `p_limit` deliveries older than `p_age` that wait for nothing: settled ones, and those of webhooks
-- that are disabled or gone. Returns how many; 0 while another replica does this.
DECLARE
  v_removed integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7402, 5) THEN
    RETURN 0;
  END IF;
  DELETE FROM turns.webhook_deliveries r WHERE r.delivery_id IN (
    SELECT d.delivery_id FROM turns.webhook_deliveries d
    WHERE d.created_at < clock_timestamp() - p_age AND (d.state <> 'PENDING' OR NOT EXISTS (
      SELECT 1 FROM turns.webhooks w WHERE w.webhook_id = d.webhook_id AND w.enabled))
    ORDER BY d.created_at LIMIT p_limit);
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  RETURN v_removed;
END $$
