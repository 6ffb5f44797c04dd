CREATE FUNCTION turns.live_gateways(p_lease interval) RETURNS SETOF integer LANGUAGE sql VOLATILE AS $$
  -- Killed: the advisory lock of its connection is free at once. Frozen: its heartbeat grows old.
  SELECT g.number FROM turns.gateways g
  WHERE g.heartbeat_at > clock_timestamp() - p_lease
    AND EXISTS (
      SELECT 1 FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7401 AND l.objid = g.number::oid AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
$$
