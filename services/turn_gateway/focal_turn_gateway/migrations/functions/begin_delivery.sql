CREATE FUNCTION turns.begin_delivery(p_outbox_id bigint, p_claim integer, p_for interval) RETURNS boolean
LANGUAGE plpgsql AS $$
-- Records that the first byte is about to leave; false when the claim has lapsed, so that nothing may be sent.
BEGIN
  UPDATE turns.outbox SET state = 'SENDING', claimed_until = clock_timestamp() + p_for
    WHERE outbox_id = p_outbox_id AND attempts = p_claim AND state = 'PENDING' AND claimed_until > clock_timestamp();
  RETURN FOUND;
END $$
