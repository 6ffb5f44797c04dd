CREATE FUNCTION turns.remove_events(p_tenant_id text, p_age interval, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
-- Removes at most `p_limit` of the tenant's events older than `p_age`, from the beginning of its log on and without a
-- hole, and notes how far. Returns how many; 0 while another replica removes.
DECLARE
  v_removed integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7402, 1) THEN
    RETURN 0;
  END IF;
  WITH oldest AS MATERIALIZED (
    SELECT e.session_id, e."offset", e.xact, e.position, e.occurred_at FROM turns.events e
    WHERE e.tenant_id = p_tenant_id ORDER BY e.xact, e.position LIMIT p_limit
  ), beginning AS (
    SELECT o.*, bool_and(o.occurred_at < clock_timestamp() - p_age) OVER (ORDER BY o.xact, o.position) AS old
    FROM oldest o
  ), removed AS (
    DELETE FROM turns.events e USING beginning b
    WHERE b.old AND e.session_id = b.session_id AND e."offset" = b."offset"
    RETURNING e.xact, e.position
  ), reached AS (
    INSERT INTO turns.event_removals AS r (tenant_id, xact, position)
    SELECT p_tenant_id, m.xact, m.position FROM removed m ORDER BY m.xact DESC, m.position DESC LIMIT 1
    ON CONFLICT (tenant_id) DO UPDATE SET xact = excluded.xact, position = excluded.position
  )
  SELECT count(*) INTO v_removed FROM removed;
  RETURN v_removed;
END $$
