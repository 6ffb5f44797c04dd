CREATE FUNCTION turns.note_abuse(
  p_tenant_id text, p_customer_id text, p_abuse_id text, p_level text, p_cause text, p_lasts interval, p_evidence jsonb,
  p_reason text, p_noted_by text, p_request_id text, p_content_hash text, p_trace_id text, p_events jsonb,
  OUT known boolean, OUT session_id text, OUT abuse jsonb, OUT fresh boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
-- Holds something against a customer, without an end when `p_lasts` is NULL, and tells it with `p_events` behind.
-- `abuse` is NULL for a customer that is not known, and for a detector's word that is no graver than
-- what holds already.
DECLARE
  a turns.abuse;
  v_earlier text;
  v_order text[] := ARRAY['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];
BEGIN
  SELECT h.known, h.session_id INTO known, session_id FROM turns.hold_customer(p_tenant_id, p_customer_id) h;
  IF NOT known THEN
    RETURN;
  END IF;
  v_earlier := turns.answered_before(p_tenant_id, 'BlockCustomer', p_request_id, p_content_hash, p_abuse_id);
  IF v_earlier IS NOT NULL THEN
    SELECT * INTO a FROM turns.abuse x WHERE x.tenant_id = p_tenant_id AND x.abuse_id = v_earlier;
    abuse := turns.abuse_json(a);
    fresh := false;
    RETURN;
  END IF;
  IF p_cause <> 'OPERATOR' AND EXISTS (
      SELECT 1 FROM turns.abuse x WHERE x.tenant_id = p_tenant_id AND x.customer_id = p_customer_id
        AND x.lifted_at IS NULL AND x.holds_until > clock_timestamp()
        AND array_position(v_order, x.level) >= array_position(v_order, p_level)) THEN
    RETURN;
  END IF;
  INSERT INTO turns.abuse (abuse_id, tenant_id, customer_id, level, cause, evidence, reason, noted_by, holds_until)
    VALUES (p_abuse_id, p_tenant_id, p_customer_id, p_level, p_cause, p_evidence, p_reason, p_noted_by,
      coalesce(clock_timestamp() + p_lasts, 'infinity'))
    RETURNING * INTO a;
  abuse := turns.abuse_json(a);
  fresh := true;
  IF session_id IS NOT NULL THEN
    PERFORM turns.append_events(session_id, jsonb_build_array(turns.abuse_event(
      CASE WHEN p_level IN ('HIGH', 'CRITICAL') THEN 'abuse_blocked' ELSE 'abuse_suspected' END, abuse, p_trace_id))
      || p_events);
  END IF;
END $$
