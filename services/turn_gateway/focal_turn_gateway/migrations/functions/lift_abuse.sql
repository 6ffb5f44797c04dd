CREATE FUNCTION turns.lift_abuse(
  p_tenant_id text, p_customer_id text, p_lift_id text, p_lifted_by text, p_reason text, p_request_id text,
  p_content_hash text, p_trace_id text, OUT known boolean, OUT session_id text, OUT entries jsonb
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
-- Ends all that holds against a customer and tells it, or says again what an earlier call with this id ended.
DECLARE
  v_lift text;
BEGIN
  SELECT h.known, h.session_id INTO known, session_id FROM turns.hold_customer(p_tenant_id, p_customer_id) h;
  IF NOT known THEN
    RETURN;
  END IF;
  v_lift := turns.answered_before(p_tenant_id, 'LiftAbuse', p_request_id, p_content_hash, p_lift_id);
  IF v_lift IS NULL THEN
    v_lift := p_lift_id;
    UPDATE turns.abuse SET lifted_at = clock_timestamp(), lifted_by = p_lifted_by, lift_reason = p_reason,
        lift_id = p_lift_id
      WHERE tenant_id = p_tenant_id AND customer_id = p_customer_id AND lifted_at IS NULL
        AND holds_until > clock_timestamp();
    IF FOUND AND session_id IS NOT NULL THEN
      PERFORM turns.append_events(session_id, (
        SELECT jsonb_agg(turns.abuse_event('abuse_lifted', turns.abuse_json(x), p_trace_id) ORDER BY x.abuse_id)
        FROM turns.abuse x WHERE x.tenant_id = p_tenant_id AND x.customer_id = p_customer_id AND x.lift_id = p_lift_id));
    END IF;
  END IF;
  entries := coalesce((SELECT jsonb_agg(turns.abuse_json(x) ORDER BY x.abuse_id DESC) FROM turns.abuse x
    WHERE x.tenant_id = p_tenant_id AND x.customer_id = p_customer_id AND x.lift_id = v_lift), '[]');
END $$
