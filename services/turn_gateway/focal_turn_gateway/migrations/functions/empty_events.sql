CREATE FUNCTION turns.empty_events(p_age interval, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
-- Takes the payload out of at most `p_limit` rule and custom events older than `p_age`. The events stay, or the log
-- would have holes. Returns how many; 0 while another replica does this.
DECLARE
  v_emptied integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(7402, 2) THEN
    RETURN 0;
  END IF;
  UPDATE turns.events e SET body = e.body || '{"payload_json": ""}'
  WHERE (e.session_id, e."offset") IN (
    SELECT o.session_id, o."offset" FROM turns.events o
    WHERE o.occurred_at < clock_timestamp() - p_age AND o.kind = 'agent'
      AND o.body->>'category' IN ('rule', 'custom') AND o.body->>'payload_json' <> ''
    ORDER BY o.occurred_at LIMIT p_limit);
  GET DIAGNOSTICS v_emptied = ROW_COUNT;
  RETURN v_emptied;
END $$
