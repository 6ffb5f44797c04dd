CREATE FUNCTION turns.settle_delivery(p_outbox_id bigint, p_claim integer, p_state text, p_reason text)
RETURNS boolean LANGUAGE plpgsql AS $$
-- Notes what an attempt came to; false when another attempt or a person has had a say since. The answer of an attempt
-- that came too late to be waited for still ends the doubt about it. What becomes FAILED or IN_DOUBT, and the end of a
-- doubt, is an event.
DECLARE
  o turns.outbox;
  v_doubted boolean;
BEGIN
  PERFORM 1 FROM turns.sessions s JOIN turns.outbox x USING (session_id)
    WHERE x.outbox_id = p_outbox_id FOR UPDATE OF s;
  SELECT * INTO o FROM turns.outbox WHERE outbox_id = p_outbox_id AND attempts = p_claim
    AND state IN ('PENDING', 'SENDING', 'IN_DOUBT') AND state <> p_state FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  v_doubted := o.state = 'IN_DOUBT';
  UPDATE turns.outbox SET state = p_state, reason = p_reason, claimed_until = NULL, settled_at = clock_timestamp(),
      delivered_at = CASE WHEN p_state = 'DELIVERED' THEN clock_timestamp() END
    WHERE outbox_id = p_outbox_id RETURNING * INTO o;
  IF v_doubted OR p_state <> 'DELIVERED' THEN
    PERFORM turns.delivery_event(o, '', '');
  END IF;
  RETURN true;
END $$
