CREATE FUNCTION turns.learn_gap(
  p_tenant_id text, p_channel text, p_user_hash text, p_session_id text, p_sequence bigint, p_received_at timestamptz,
  p_gap_min interval, p_gap_max interval, p_kept integer
) RETURNS void LANGUAGE plpgsql AS $$
-- A gap is the time between two neighbouring messages of a session of which the first still has no answer, so that
-- nobody spoke in between. Closer than `p_gap_min` they were delivered together, not written one after the other;
-- further apart than `p_gap_max` they are two beats.
DECLARE
  v_gap interval;
BEGIN
  SELECT p_received_at - m.received_at INTO v_gap FROM turns.messages m
    WHERE m.session_id = p_session_id AND m.sequence = p_sequence - 1 AND m.turn_id IS NULL;
  IF v_gap BETWEEN p_gap_min AND p_gap_max THEN
    UPDATE turns.channel_identities i
      SET gaps_ms = (i.gaps_ms || (extract(epoch FROM v_gap) * 1000)::integer)
                    [greatest(1, cardinality(i.gaps_ms) + 2 - p_kept):]
      WHERE i.tenant_id = p_tenant_id AND i.channel = p_channel AND i.channel_user_hash = p_user_hash;
  END IF;
END $$
