CREATE FUNCTION turns.doubt_lost_deliveries(p_destination text, p_limit integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
-- What was being sent when its claim lapsed is in doubt: its process is gone or frozen, and nobody knows how far it
-- came. Returns the sessions. Sessions that are busy are left for the next look, so nobody waits here for a lock.
DECLARE
  o turns.outbox;
BEGIN
  FOR o IN
    SELECT x.* FROM turns.outbox x JOIN turns.sessions s USING (session_id)
    WHERE x.destination = p_destination AND x.state = 'SENDING' AND x.claimed_until < clock_timestamp()
    ORDER BY x.outbox_id LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    UPDATE turns.outbox SET state = 'IN_DOUBT', claimed_until = NULL, settled_at = clock_timestamp(),
        reason = 'the gateway that was sending it is gone'
      WHERE outbox_id = o.outbox_id RETURNING * INTO o;
    PERFORM turns.delivery_event(o, '', '');
    RETURN NEXT o.session_id;
  END LOOP;
END $$
